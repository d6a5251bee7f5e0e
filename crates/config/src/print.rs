//! The settings in force as TOML, for `check`: secrets shortened, defaults marked.

use std::fmt::Write;

use crate::keys::{Built, Key, Naming, Role, SECTIONS, Section};
use crate::lookup::TableId;
use crate::merge::InForce;
use crate::methods;
use crate::said::quote;
use crate::secret::shorten_key;
use crate::settings::Settings;

const PAGE_HEAD: &str = "# The settings of this node, as they are in force since its start. The file itself is TOML:\n\
    # see the documentation of settings. Commented ones are defaults; secrets are not shown.\n\n";

impl Settings {
    /// All settings that have an effect in this role, as valid TOML: of API keys the first 8
    /// characters are shown, of other secrets nothing. `# default` marks what nobody set.
    #[must_use]
    pub fn print(&self, role: Role) -> String {
        let mut page = String::new();
        let effective = |(_, section): &(usize, &Section)| section.has_effect(role);
        for (at, section) in SECTIONS.iter().enumerate().filter(effective) {
            if section.is_named() {
                self.print_named(&mut page, role, at);
            } else {
                let table = TableId { section: at, name: String::new() };
                print_table(&mut page, role, &self.in_force, &table, section.path);
            }
        }
        page
    }

    /// The settings in force as a page that people of Netdata know: what nobody set is commented.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::from(PAGE_HEAD);
        for shown in self.print(self.source.role).lines() {
            match shown.strip_suffix(" # default") {
                Some(default) => line(&mut page, format_args!("\t# {default}")),
                None if shown.is_empty() || shown.starts_with('[') => line(&mut page, format_args!("{shown}")),
                None => line(&mut page, format_args!("\t{shown}")),
            }
        }
        page
    }

    fn print_named(&self, page: &mut String, role: Role, section: usize) {
        let tables = || self.in_force.tables().map(|(table, _)| table).filter(|table| table.section == section);
        for (at, table) in tables().enumerate() {
            let name = shown_name(table);
            // Two API keys may begin alike; a table must not be defined twice.
            let header = match tables().take(at).filter(|other| shown_name(other) == name).count() {
                0 => quote(&name),
                before => quote(&format!("{name} ({})", before + 1)),
            };
            let header = format!("{}.{header}", table.section().path);
            print_table(page, role, &self.in_force, table, &header);
        }
    }
}

fn shown_name(table: &TableId) -> String {
    match table.section().naming {
        Naming::ApiKey => shorten_key(&table.name),
        _ => table.name.clone(),
    }
}

fn print_table(page: &mut String, role: Role, in_force: &InForce, table: &TableId, header: &str) {
    let gap = if page.is_empty() { "" } else { "\n" };
    line(page, format_args!("{gap}[{header}]"));
    // Of a method, what means something for its type.
    let kind = if methods::is_method(table) { methods::kind(in_force, table) } else { None };
    let is_shown =
        |key: &Key| key.roles.contain(role) && kind.as_ref().is_none_or(|kind| methods::takes(kind, key.name));
    for (at, key) in table.section().keys.iter().enumerate().filter(|(_, key)| is_shown(key)) {
        let id = (table.clone(), at);
        let Some(value) = in_force.value(&id) else { continue };
        let remark = match (in_force.said(&id), key.built) {
            (None, _) => " # default",
            (_, Built::No) => " # not built yet",
            _ => "",
        };
        line(page, format_args!("{} = {}{remark}", key.name, value.shown(key.kind.secrecy())));
    }
}

fn line(page: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(page, "{line}").expect("writing to a string cannot fail");
}
