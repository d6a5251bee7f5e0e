//! Settings from the environment: `TRIBUTARY_STREAM__API_KEY` is `stream.api_key`.

use crate::said::{Origin, Raw, Said, in_order};

/// What names of our variables begin with.
const PREFIX: &str = "TRIBUTARY_";

/// The variables of this process that name settings. Bytes that are no UTF-8 are replaced, so that
/// the check of the value finds them.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// What an environment says, in the order of the names, since an environment has no order.
pub(crate) fn read(variables: impl Iterator<Item = (String, String)>) -> Vec<Said> {
    let ours = variables.filter(|(name, value)| name.starts_with(PREFIX) && !is_service_link(name, value));
    in_order(ours.map(|(name, value)| said(name, value)).collect())
}

fn said(name: String, value: String) -> Said {
    let path = name[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    Said { path, value: Raw::bare(value), origin: Origin::Environment(name) }
}

/// The name of the variable for a path.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

/// Whether Kubernetes set the variable, as it does in every pod beside a service called
/// `tributary` or `tributary-master`: such a name must not keep a fleet from starting.
fn is_service_link(name: &str, value: &str) -> bool {
    if name.contains("__") {
        return false;
    }
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_port =
        name.rsplit_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && is_address)
        || of_port
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names become paths, other programs' variables are none of ours.
    #[test]
    fn names() {
        let variables = [
            ("TRIBUTARY_STREAM__API_KEY", "x"),
            ("TRIBUTARY_COLLECT__DISKS__EXCLUDE", "x"),
            ("TRIBUTARY_TYPO", "x"),
            ("TRIBUTARY_DEFAULT_PORT", "19999"),
            ("tributary_stream__enabled", "x"),
            ("XTRIBUTARY_STREAM__ENABLED", "x"),
            ("PATH", "/bin"),
            ("TRIBUTARY_SERVICE_HOST", "10.0.0.1"),
            ("TRIBUTARY_MASTER_SERVICE_PORT", "19999"),
            ("TRIBUTARY_MASTER_SERVICE_PORT_STREAM", "19999"),
            ("TRIBUTARY_MASTER_PORT", "tcp://10.0.0.1:19999"),
            ("TRIBUTARY_MASTER_PORT_19999_TCP", "tcp://10.0.0.1:19999"),
            ("TRIBUTARY_MASTER_PORT_19999_TCP_ADDR", "10.0.0.1"),
        ];
        let said = read(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        let paths: Vec<String> = said.iter().map(|said| said.path.join(".")).collect();
        assert_eq!(paths, ["collect.disks.exclude", "default_port", "stream.api_key", "typo"]);
        assert_eq!(variable("collect.disks.exclude"), "TRIBUTARY_COLLECT__DISKS__EXCLUDE");
    }
}
