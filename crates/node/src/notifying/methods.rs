//! Settings of methods to methods.

use config::Health;
use notify::{Method, Secret, Settings};

/// What is wrong with the methods of settings: `FILE:LINE: KEY: …`.
pub(crate) fn problems(settings: &Health) -> Vec<String> {
    build(settings).err().unwrap_or_default()
}

/// The methods that are enabled.
pub(super) fn build(settings: &Health) -> Result<Vec<Method>, Vec<String>> {
    let mut problems = Vec::new();
    let mut methods = Vec::new();
    for said in settings.methods.iter().filter(|said| said.enabled) {
        match Method::build(&taken(said)) {
            Ok(method) => methods.push(method),
            Err(faults) => {
                problems.extend(faults.iter().map(|fault| format!("{}: {}", said.place(fault.key), fault.what)));
            }
        }
    }
    if problems.is_empty() { Ok(methods) } else { Err(problems) }
}

fn taken(said: &config::Method) -> Settings {
    let or_file = |text: &String, file: &std::path::PathBuf| (Secret::new(text), file.clone());
    Settings {
        name: said.name.clone(),
        kind: said.kind.clone(),
        recipients: said.recipients.clone(),
        roles: said.roles.clone(),
        timeout: said.timeout,
        url: or_file(&said.url, &said.url_file),
        token: or_file(&said.token, &said.token_file),
        password: or_file(&said.password, &said.password_file),
        ca_file: said.ca_file.clone(),
        sender: said.sender.clone(),
        server: said.server.clone(),
        tls: said.tls.clone(),
        username: said.username.clone(),
        facility: said.facility.clone(),
        method: said.method.clone(),
        headers: said.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect(),
        format: said.format.clone(),
        body: Secret::new(&said.body),
        success: said.success.clone(),
    }
}
