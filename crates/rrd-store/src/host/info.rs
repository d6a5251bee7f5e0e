//! Who a host is.

use row::Guid;

/// What is known of a host from its handshake, or of the node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// The machine GUID: the host's identity.
    pub guid: Guid,
    /// The name to show.
    pub hostname: String,
    /// The name for the registry.
    pub registry_hostname: String,
    /// The operating system's family, such as `linux`.
    pub os: String,
    /// The time zone's name.
    pub timezone: String,
    /// and its short form.
    pub abbrev_timezone: String,
    /// Seconds east of UTC.
    pub utc_offset_s: i32,
    /// Nodes between the host and this one: 0 for the node itself, 1 for a child.
    pub hops: u32,
    /// Seconds between rows, where a chart says nothing else.
    pub update_every_s: u32,
    /// The program that collects, for instance `netdata`.
    pub program_name: String,
    /// and its version.
    pub program_version: String,
    /// Free text of older agents.
    pub tags: String,
    /// What the host says of its system, `NETDATA_*` names and values.
    pub system: Vec<(String, String)>,
    /// Changes with each boot of the machine, where it tells.
    pub boot_id: String,
    /// Tells machines with the same GUID apart, where it tells.
    pub fingerprint: String,
    /// Nodes that its stream passed, this one the last, as far as they tell; not kept on the disk.
    pub path: Vec<Guid>,
}

impl HostInfo {
    /// A host of which only the GUID is known, which serves as its name.
    #[must_use]
    pub fn unknown(guid: Guid) -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            guid,
            hostname: guid.to_string(),
            registry_hostname: guid.to_string(),
            os: unknown(),
            timezone: unknown(),
            abbrev_timezone: "UTC".to_owned(),
            utc_offset_s: 0,
            hops: 1,
            update_every_s: 1,
            program_name: unknown(),
            program_version: unknown(),
            tags: String::new(),
            system: Vec::new(),
            boot_id: String::new(),
            fingerprint: String::new(),
            path: Vec::new(),
        }
    }
}
