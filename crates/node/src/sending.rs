//! The node as a child: what the sender is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use config::Settings;
use patterns::SimplePattern;
use socket::client::{self, Connector};
use socket::destination::Destination;
use stream::sender;

/// The settings of the stream to this node's parent; `None` where there is none.
///
/// # Errors
/// Where destination or API key cannot be used.
pub fn sender(settings: &Settings) -> anyhow::Result<Option<Arc<sender::Config>>> {
    let stream = &settings.stream;
    if !stream.enabled {
        return Ok(None);
    }
    towards(settings, &stream.destination, &stream.api_key, &stream.send_charts_matching)
        .context("stream.destination")
        .map(Some)
}

/// The settings of a stream to some parent.
pub(crate) fn towards(
    settings: &Settings,
    destination: &str,
    api_key: &str,
    send_charts_matching: &str,
) -> anyhow::Result<Arc<sender::Config>> {
    let destinations = Destination::list(destination, settings.stream.default_port)?;
    anyhow::ensure!(!destinations.is_empty(), "no destination");
    let tls = Connector::new(tls(settings));
    if let Some(encrypted) = destinations.iter().find(|destination| destination.is_encrypted()) {
        anyhow::ensure!(client::IS_BUILT, "destination {encrypted}: this program was built without TLS");
        tls.check().with_context(|| format!("TLS to {encrypted}"))?;
    }
    Ok(Arc::new(sender::Config {
        destinations,
        api_key: api_key.parse().context("the API key")?,
        timeout: settings.stream.timeout,
        reconnect_delay: settings.stream.reconnect_delay,
        return_after: settings.stream.return_after,
        tls: Arc::new(tls),
        send_charts_matching: SimplePattern::new(send_charts_matching),
        buffer_bytes: usize::try_from(settings.stream.buffer_size).unwrap_or(usize::MAX),
        compression: settings.stream.compression,
        asks_alarms: cfg!(feature = "parent") && settings.health.enabled,
        compression_window_bytes: u32::try_from(settings.stream.compression_window).unwrap_or(u32::MAX),
    }))
}

/// TLS towards parents.
fn tls(settings: &Settings) -> client::Settings {
    let stream = &settings.stream;
    let is_set = |path: &Path| !path.as_os_str().is_empty();
    let pair: (PathBuf, PathBuf) = (stream.tls_certificate.clone(), stream.tls_key.clone());
    client::Settings {
        ca_file: stream.ca_file.clone(),
        verify: stream.tls_verify,
        certificate: Some(pair).filter(|(certificate, _)| is_set(certificate)),
    }
}
