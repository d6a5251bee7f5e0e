//! What a path is, which decides who may have it.

use crate::api::{BADGE, FUNCTION, MANAGEMENT, REGISTRY, SETTINGS, STREAM_INFO};
use crate::params::Params;
use crate::signin;
use crate::{Allowed, Peer};

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The dashboard and most of the API.
    Main,
    /// A badge.
    Badge,
    /// What a child asks before it streams.
    StreamInfo,
    /// A call of an agent's function.
    Call,
    /// Silences alarms; has a key of its own.
    Management,
    /// What the registry does for dashboards, also those of other nodes.
    Registry,
    /// The settings.
    Settings,
    /// Where a user gives a token.
    SignIn,
}

impl Page {
    /// What the path within a host is.
    pub(crate) fn of(path: &str, params: &Params) -> Self {
        match path {
            BADGE => Self::Badge,
            STREAM_INFO => Self::StreamInfo,
            FUNCTION => Self::Call,
            MANAGEMENT => Self::Management,
            REGISTRY if params.text("action") != Some("hello") => Self::Registry,
            SETTINGS => Self::Settings,
            signin::PATH | signin::STYLE => Self::SignIn,
            _ => Self::Main,
        }
    }

    /// Whether this address may have it.
    pub(crate) fn is_open_to(self, peer: Peer, allowed: &Allowed) -> bool {
        let is_on = |list| peer.is_allowed_by(list);
        match self {
            Self::Main | Self::SignIn => is_on(&allowed.dashboard),
            Self::Badge => is_on(&allowed.badges) || is_on(&allowed.dashboard),
            Self::StreamInfo => is_on(&allowed.streaming) || is_on(&allowed.dashboard),
            Self::Call => is_on(&allowed.dashboard) && is_on(&allowed.functions),
            Self::Management => is_on(&allowed.dashboard) && is_on(&allowed.management),
            Self::Registry => is_on(&allowed.registry),
            Self::Settings => is_on(&allowed.settings),
        }
    }

    /// Whether it wants a token where there are some. Others have keys of their own, or are for nodes
    /// and dashboards elsewhere.
    pub(crate) fn wants_token(self) -> bool {
        !matches!(self, Self::StreamInfo | Self::Management | Self::Registry | Self::SignIn)
    }

    /// The methods it understands.
    pub(crate) fn methods(self, path: &str) -> &'static str {
        match self {
            Self::Call => "POST, OPTIONS",
            Self::SignIn if path == signin::PATH => "GET, HEAD, POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}
