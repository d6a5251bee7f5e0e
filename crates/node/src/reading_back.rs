//! The archive that is read back, as settings name it.

use std::sync::Arc;

use anyhow::Context;
use archive::{Config, Reader};
use config::{Archive, Settings};
use web_client::Trust;

use crate::clock;
use crate::exporting::{basic, secret, url};

/// Where there is no port, that of a Prometheus.
const PORT: u16 = 9_090;

/// What is wrong with the archive, for `check` and at the start.
pub(crate) fn problems(settings: &Settings) -> Vec<String> {
    config(&settings.archive).err().map(|err| format!("archive: {err:#}")).into_iter().collect()
}

/// The archive, if settings name one.
pub(crate) fn reader(settings: &Settings) -> anyhow::Result<Option<Arc<Reader>>> {
    let Some(config) = config(&settings.archive).context("archive")? else { return Ok(None) };
    let reader = Reader::new(config, clock::now).map_err(|why| anyhow::anyhow!("archive.ca_file: {why}"))?;
    Ok(Some(Arc::new(reader)))
}

fn config(archive: &Archive) -> anyhow::Result<Option<Config>> {
    let (mut urls, mut headers) = (Vec::new(), Vec::new());
    let login = authorization(archive)?;
    for word in archive.url.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        let (whole, user) = url(word, PORT, "")?;
        anyhow::ensure!(!whole.contains(['?', '#']), "url: expected URLs up to /api/v1, without ? and #");
        anyhow::ensure!(user.is_none() || login.is_none(), "expected one of a user in the URL, a username and a token");
        let who = user.map(|user| basic(&user)).or_else(|| login.clone());
        let tenant = Some(&archive.tenant).filter(|tenant| !tenant.is_empty());
        let who = who.map(|who| ("Authorization".to_owned(), who));
        headers
            .push(who.into_iter().chain(tenant.map(|tenant| ("X-Scope-OrgID".to_owned(), tenant.clone()))).collect());
        let whole = whole.trim_end_matches('/');
        urls.push(whole.strip_suffix("/api/v1").unwrap_or(whole).to_owned());
    }
    if urls.is_empty() {
        return Ok(None);
    }
    let trust = Trust { ca_file: archive.ca_file.clone() };
    trust.check().map_err(|why| anyhow::anyhow!("ca_file: {why}"))?;
    Ok(Some(Config {
        urls,
        headers,
        trust,
        every_s: archive.update_every.as_secs().max(1) as i64,
        timeout: archive.timeout,
        delay_s: archive.delay.as_secs() as i64,
        points_max: archive.max_points,
        cache_bytes: usize::try_from(archive.cache).unwrap_or(usize::MAX),
        hosts_for_s: archive.hosts_for.as_secs(),
    }))
}

fn authorization(archive: &Archive) -> anyhow::Result<Option<String>> {
    let token = secret(&archive.token, &archive.token_file).context("token_file")?;
    let password = secret(&archive.password, &archive.password_file).context("password_file")?;
    Ok(match (&*token, &*archive.username) {
        ("", "") => None,
        (token, "") => Some(format!("Bearer {token}")),
        ("", username) => Some(basic(&format!("{username}:{password}"))),
        _ => anyhow::bail!("expected either a username or a token"),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn archive(url: &str) -> Archive {
        Archive {
            url: url.into(),
            update_every: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            delay: Duration::from_secs(60),
            max_points: 1_000,
            cache: 1,
            hosts_for: Duration::ZERO,
            tenant: String::new(),
            username: String::new(),
            password: String::new(),
            password_file: PathBuf::new(),
            token: String::new(),
            token_file: PathBuf::new(),
            ca_file: PathBuf::new(),
        }
    }

    /// Goal: URLs may be told in any usual way, each with its own user, or all with one.
    #[test]
    fn urls_and_who_asks() {
        assert!(config(&archive(" ")).unwrap().is_none());
        let found = config(&archive("vm1:8428 http://me:pass@vm2/select/0/prometheus/ https://m/prometheus/api/v1"))
            .unwrap()
            .unwrap();
        assert_eq!(found.urls, ["http://vm1:8428", "http://vm2/select/0/prometheus", "https://m/prometheus"]);
        let who = |place: usize| {
            found.headers[place].iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
        };
        assert_eq!((who(0), who(1)), (vec![], vec!["Authorization: Basic bWU6cGFzcw==".to_owned()]));
        let both = Archive { token: "t".into(), tenant: "site".into(), ..archive("vm") };
        let headers = config(&both).unwrap().unwrap().headers;
        assert_eq!(headers[0], [("Authorization".into(), "Bearer t".into()), ("X-Scope-OrgID".into(), "site".into())]);
        for wrong in [
            archive("ftp://x"),
            archive("http://x/?a=b"),
            Archive { token: "t".into(), ..archive("http://me:pass@vm") },
            Archive { token: "t".into(), username: "me".into(), ..archive("vm") },
        ] {
            assert!(config(&wrong).is_err());
        }
    }
}
