//! What is older than this node keeps: whether an archive is asked, where, and how answers tell what it did
//! not give.
//!
//! A query is tried where it was asked first. One that needs the archive ends there at once ([`Later::Waits`]), and
//! is answered on a thread that may wait, of which there are a few for just that.

use std::sync::Arc;

use archive::Session;
use rrd_store::Host;
use rrd_store::query::{Elder, Lack, Missing, QueryError};

use crate::Node;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::Json;
use crate::queries::{QUICK_READS_MAX, Queries, READS_MAX};

/// Why a query is not answered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Later {
    /// It is long.
    IsLong,
    /// It waits for an archive.
    Waits,
}

/// What a query may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means<'a> {
    /// Stored values to be read at most.
    pub(crate) reads_max: u64,
    pub(crate) archive: Elder<'a>,
}

impl Later {
    /// What an error of a query means, if it means this.
    pub(crate) const fn of(error: QueryError) -> Option<Self> {
        match error {
            QueryError::TooLong(_) => Some(Self::IsLong),
            QueryError::Waits => Some(Self::Waits),
            QueryError::NoMatch | QueryError::TooMany(_) => None,
        }
    }
}

impl Node {
    /// A way to the archive, if there is one, for a query of a host.
    pub(crate) fn session(&self, host: &Host) -> Option<Session> {
        self.config.archive.as_ref().map(|archive| archive.session(host.guid()))
    }

    /// Answers a query where it was asked, if that is quick, else on a thread where it may take its time.
    pub(crate) async fn answer_in_time<T: Send + 'static>(
        self: &Arc<Self>,
        asked: Arc<Asked>,
        answer: impl Fn(&Node, &Asked, Means<'_>) -> Result<T, Later> + Send + 'static,
        too_long: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Answer> {
        let later = {
            let session = self.session(&asked.host);
            let archive = elsewhere(session.as_ref());
            match answer(self, &asked, Means { reads_max: QUICK_READS_MAX, archive }) {
                Ok(answer) => return Ok(answer),
                Err(later) => later,
            }
        };
        let node = Arc::clone(self);
        let long = move || {
            let session = node.session(&asked.host);
            let archive = asking(session.as_ref());
            answer(&node, &asked, Means { reads_max: READS_MAX, archive }).unwrap_or_else(|_| too_long())
        };
        self.queries_for(later).run_for(long).await
    }

    /// The threads for what is answered later.
    pub(crate) const fn queries_for(&self, later: Later) -> &Queries {
        match later {
            Later::IsLong => &self.queries,
            Later::Waits => &self.waiting,
        }
    }

    /// Has somebody ask who the archive knows, if it is time; waits for nobody.
    pub(crate) fn look_for_elders(self: &Arc<Self>) {
        let Some(archive) = self.config.archive.clone().filter(|archive| archive.is_stale()) else { return };
        let node = Arc::clone(self);
        tokio::spawn(async move {
            // Who finds no place finds one the next time.
            drop(node.waiting.run_for(move || archive.refresh()).await);
        });
    }

    /// A host that only the archive knows.
    pub(crate) async fn find_elder(&self, id: &str) -> Option<Arc<Host>> {
        let archive = self.config.archive.clone()?;
        let own = self.store.hosts().first().cloned()?;
        let id = id.to_owned();
        self.waiting.run_for(move || archive.host(&id, &own)).await.ok().flatten()
    }

    /// Hosts that only the archive knows, as far as it was asked: GUID, name, newest second.
    pub(crate) fn elders(&self) -> Vec<archive::Elder> {
        let known = self.config.archive.as_ref().map(|archive| archive.hosts());
        let all = known.iter().flat_map(|hosts| hosts.iter());
        all.filter(|elder| self.store.host(elder.guid).is_none()).cloned().collect()
    }
}

/// The archive is asked here.
pub(crate) fn asking(session: Option<&Session>) -> Elder<'_> {
    session.map_or(Elder::None, |session| Elder::Asked(session))
}

/// It is asked on another thread.
pub(crate) fn elsewhere(session: Option<&Session>) -> Elder<'_> {
    session.map_or(Elder::None, |session| Elder::Elsewhere(session))
}

/// What is missing, in the one word of header and answer.
pub(crate) const fn word(missing: Missing) -> &'static str {
    match missing.lack {
        Lack::Partial => "partial",
        Lack::Unavailable => "unavailable",
    }
}

/// Tells what is missing, if anything is.
pub(crate) fn write(json: &mut Json, missing: Option<Missing>) {
    if let Some(missing) = missing {
        json.key("archive").object(|json| {
            json.key("state").text(word(missing));
            json.key("after").int(missing.after_s);
            json.key("before").int(missing.before_s);
        });
    }
}
