//! Between what a request says and what the store keeps of a host.

use protocol::Request;
use rrd_store::HostInfo;

/// What the node `own` keeps of a child's request.
#[cfg(feature = "receiver")]
pub(crate) fn from_request(request: Request, own: row::Guid) -> HostInfo {
    let path = request.path.into_iter().chain([own]).collect();
    HostInfo {
        guid: request.machine_guid,
        hostname: request.hostname,
        registry_hostname: request.registry_hostname,
        os: request.os,
        timezone: request.timezone,
        abbrev_timezone: request.abbrev_timezone,
        utc_offset_s: request.utc_offset_s,
        hops: u32::from(request.hops),
        update_every_s: request.update_every_s,
        program_name: request.program_name,
        program_version: request.program_version,
        tags: request.tags,
        system: request.system,
        boot_id: request.boot_id.unwrap_or_default(),
        fingerprint: request.fingerprint.unwrap_or_default(),
        path,
    }
}

/// Our own request for a host, which is one hop further away from the parent than from us.
#[cfg(feature = "sender")]
pub(crate) fn to_request(info: &HostInfo, key: row::Guid, capabilities: protocol::Capabilities) -> Request {
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut request = Request::new(key, info.guid, &info.hostname);
    request.registry_hostname.clone_from(&info.registry_hostname);
    request.update_every_s = info.update_every_s;
    request.os.clone_from(&info.os);
    request.timezone.clone_from(&info.timezone);
    request.abbrev_timezone.clone_from(&info.abbrev_timezone);
    request.utc_offset_s = info.utc_offset_s;
    request.hops = u16::try_from(info.hops + 1).unwrap_or(u16::MAX).min(protocol::request::HOPS_MAX);
    request.tags.clone_from(&info.tags);
    request.capabilities = capabilities;
    request.version_given = true;
    request.program_name.clone_from(&info.program_name);
    request.program_version.clone_from(&info.program_version);
    request.system.clone_from(&info.system);
    request.boot_id = known(&info.boot_id);
    request.fingerprint = known(&info.fingerprint);
    request.path.clone_from(&info.path);
    request
}
