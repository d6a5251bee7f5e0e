//! The services' charts: one per metric, with a dimension per service.

use row::{ChartType, DimensionDefinition};

use super::forms::TICKS;
use super::own_charts::PLUGIN;
use super::reading::{Reading, Transfers};
use crate::charts::{Batch, Form, Member, MemberChart, Owner, PLAIN, absolute, incremental};
use crate::names::chart_id;

/// The module that the charts name.
const MODULE: &str = "systemd";
const MIB: i32 = 1 << 20;
const CHARTS: usize = 11;

const fn form(id: &'static str, title: &'static str, units: &'static str, family: &'static str, priority: i32) -> Form {
    let chart_type = ChartType::Stacked;
    Form { id, context: id, title, units, family, chart_type, priority, options: PLAIN, dimensions: &[] }
}

static FORMS: [Form; CHARTS] = [
    form("services.cpu", "Processor time of services, of which a core has 100 %", "percentage", "cpu", 19_000),
    form("services.mem_usage", "Memory that services use", "MiB", "mem", 19_010),
    form("services.swap_usage", "Swap that services use", "MiB", "swap", 19_100),
    form("services.io_read", "Data that services read", "KiB/s", "disk", 19_120),
    form("services.io_write", "Data that services write", "KiB/s", "disk", 19_130),
    form("services.io_ops_read", "Reads of services", "operations/s", "disk", 19_140),
    form("services.io_ops_write", "Writes of services", "operations/s", "disk", 19_150),
    form("services.throttle_io_read", "Data that services read, where it is limited", "KiB/s", "disk", 19_160),
    form("services.throttle_io_write", "Data that services write, where it is limited", "KiB/s", "disk", 19_170),
    form("services.throttle_io_ops_read", "Reads of services, where they are limited", "operations/s", "disk", 19_180),
    form(
        "services.throttle_io_ops_write",
        "Writes of services, where they are limited",
        "operations/s",
        "disk",
        19_190,
    ),
];

/// What the dimensions of each are but for their ids.
fn dimensions(unified: bool) -> [DimensionDefinition<'static>; CHARTS] {
    let cpu = incremental("", 100, if unified { 1_000_000 } else { TICKS });
    let (memory, bytes, times) = (absolute("", 1, MIB), incremental("", 1, 1024), incremental("", 1, 1));
    [cpu, memory, memory, bytes, bytes, times, times, bytes, bytes, times, times]
}

/// Calls something with each service and its reading.
pub(crate) type EachService<'a> = dyn FnMut(&mut dyn FnMut(&mut Service, &Reading)) + 'a;

/// The charts of all services.
pub(crate) struct Services {
    owner: Owner,
    charts: [MemberChart; CHARTS],
    unified: bool,
}

/// One service's dimensions.
#[derive(Debug)]
pub(crate) struct Service {
    id: Box<str>,
    name: Box<str>,
    members: [Member; CHARTS],
}

impl Service {
    /// The service `name` at `path`.
    pub(crate) fn new(path: &[u8], name: &str) -> Self {
        let id = chart_id(path.strip_prefix(b"/").unwrap_or(path)).replace('.', "-");
        Self { id: id.into(), name: name.into(), members: [Member::default(); CHARTS] }
    }
}

impl Services {
    /// Charts that appear with the first service that has something to show.
    pub(crate) fn new(unified: bool, update_every_s: u32) -> Self {
        let owner = Owner { plugin: PLUGIN, ..Owner::machine(MODULE, update_every_s) };
        let dimensions = dimensions(unified);
        let charts = std::array::from_fn(|at| MemberChart::new(&FORMS[at], dimensions[at]));
        Self { owner, charts, unified }
    }

    /// Hands over the readings of all services, which `each` goes through whenever it is called.
    pub(crate) fn write(&mut self, batch: &mut Batch<'_>, each: &mut EachService<'_>) {
        for (at, chart) in self.charts.iter_mut().enumerate() {
            let value = |reading: &Reading| value(reading, at, self.unified);
            let (mut has_values, mut shows) = (false, chart.is_defined() || batch.shows_zeros());
            each(&mut |_, reading| {
                let value = value(reading);
                has_values |= value.is_some();
                shows |= value.is_some_and(|value| value != 0);
            });
            if !has_values || !shows {
                continue;
            }
            each(&mut |Service { id, name, members }, reading| {
                if value(reading).is_some() {
                    batch.enlist(chart, &self.owner, (id, name), &mut members[at]);
                }
            });
            let Some(mut row) = batch.begin_members(chart) else { continue };
            each(&mut |service, reading| {
                if let Some(value) = value(reading) {
                    row.set(&service.members[at], value);
                }
            });
            row.end();
        }
    }

    /// Says that a service's collection stopped.
    pub(crate) fn leave(&mut self, batch: &mut Batch<'_>, service: &mut Service) {
        let Service { id, name, members } = service;
        for (chart, member) in self.charts.iter().zip(members) {
            batch.dismiss(chart, (id, name), member);
        }
    }
}

/// What a service shows in the chart with this number; `None` where nothing was read.
fn value(reading: &Reading, at: usize, unified: bool) -> Option<i64> {
    let transfer = |what: Transfers, side: usize| reading.transfers[what as usize].map(|values| values[side]);
    match at {
        0 => reading.cpu.map(|[user, system]| user.wrapping_add(system)),
        1 => {
            let inactive = reading.memory_stat.map_or(0, |stat| stat.inactive_file);
            reading.memory.map(|bytes| bytes.saturating_sub(inactive).max(0))
        }
        2 if unified => reading.swap,
        2 => Some((reading.swap? - reading.memory?).max(0)),
        3 | 4 => transfer(Transfers::Bytes, at - 3),
        5 | 6 => transfer(Transfers::Operations, at - 5),
        7 | 8 => transfer(Transfers::ThrottledBytes, at - 7),
        9 | 10 => transfer(Transfers::ThrottledOperations, at - 9),
        _ => None,
    }
}
