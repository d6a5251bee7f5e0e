//! `/proc/stat`: processor time of the machine and of each core, interrupts, context switches,
//! forks and processes.
//!
//! ```text
//! cpu  user nice system idle iowait irq softirq steal guest guest_nice     the sum of all cores
//! cpu0 …
//! intr TOTAL …          ctxt N          processes N          procs_running N          procs_blocked N
//! ```
//!
//! Times are counters in clock ticks; percentages are made of them where rows are stored.

use std::io;
use std::path::Path;

use row::{Algorithm, ChartType, DimensionDefinition, DimensionOptions, Now};

use crate::charts::{Batch, Chart, DETAIL, Form, Owner, PLAIN, absolute, dimension, incremental};
use crate::config::{Config, Family};
use crate::file::{Buffer, KeptFile};
use crate::module::{Module, ReadError};
use crate::pace::Cadence;
use crate::scan::{Words, lines};

/// The file.
pub(crate) const PATH: &str = "/proc/stat";
/// The most cores that a Linux kernel is built for.
const CORES_MAX: usize = 8192;
/// Times of a core, in the order of its dimensions.
type Times = [i64; 10];

const fn share(id: &'static str) -> DimensionDefinition<'static> {
    dimension(id, Algorithm::PercentageOfIncrementalRow, 1, 1)
}

const TIMES: &[DimensionDefinition<'static>] = &[
    share("guest_nice"),
    share("guest"),
    share("steal"),
    share("softirq"),
    share("irq"),
    share("user"),
    share("system"),
    share("nice"),
    share("iowait"),
    DimensionDefinition { options: DimensionOptions::HIDDEN, ..share("idle") },
];

static CPU: Form = Form {
    id: "system.cpu",
    context: "system.cpu",
    title: "Processor time of all cores",
    units: "percentage",
    family: "cpu",
    chart_type: ChartType::Stacked,
    priority: 100,
    options: PLAIN,
    dimensions: TIMES,
};
static CORE: Form = Form {
    id: "cpu",
    context: "cpu.cpu",
    title: "Processor time of one core",
    units: "percentage",
    family: "utilization",
    chart_type: ChartType::Stacked,
    priority: 1001,
    options: PLAIN,
    dimensions: TIMES,
};
static INTERRUPTS: Form = Form {
    id: "system.intr",
    context: "system.intr",
    title: "Interrupts served",
    units: "interrupts/s",
    family: "interrupts",
    chart_type: ChartType::Line,
    priority: 900,
    options: DETAIL,
    dimensions: &[incremental("interrupts", 1, 1)],
};
static SWITCHES: Form = Form {
    id: "system.ctxt",
    context: "system.ctxt",
    title: "Context switches",
    units: "context switches/s",
    family: "processes",
    chart_type: ChartType::Line,
    priority: 800,
    options: PLAIN,
    dimensions: &[incremental("switches", 1, 1)],
};
static FORKS: Form = Form {
    id: "system.forks",
    context: "system.forks",
    title: "Processes started",
    units: "processes/s",
    family: "processes",
    chart_type: ChartType::Line,
    priority: 700,
    options: DETAIL,
    dimensions: &[incremental("started", 1, 1)],
};
static PROCESSES: Form = Form {
    id: "system.processes",
    context: "system.processes",
    title: "Processes running and waiting for a device",
    units: "processes",
    family: "processes",
    chart_type: ChartType::Line,
    priority: 600,
    options: PLAIN,
    dimensions: &[absolute("running", 1, 1), absolute("blocked", -1, 1)],
};

/// Reads `/proc/stat`.
pub(crate) struct Stat {
    file: KeptFile,
    reading: Reading,
    times: Part,
    states: Part,
    cpu: Chart,
    interrupts: Chart,
    switches: Chart,
    forks: Chart,
    processes: Chart,
    /// A chart per core, where they are wanted.
    cores: Option<Vec<(Chart, Owner)>>,
    /// The number of processors that the host's variable says.
    processors_told: usize,
}

/// Two families have their charts from this file: times of processors, and states of processes.
#[derive(Debug)]
struct Part {
    owner: Owner,
    enabled: bool,
    cadence: Cadence,
    due: bool,
}

impl Part {
    fn new(family: Family, config: &Config) -> Self {
        let every_s = family.update_every_s.max(config.update_every_s);
        let owner = Owner::machine(PATH, every_s);
        Self { owner, enabled: family.enabled, cadence: Cadence::new(every_s), due: false }
    }

    fn begin(&mut self, now: Now) -> bool {
        self.due = self.enabled && self.cadence.is_due(now);
        self.due
    }
}

/// When the file is wanted, by either family.
pub(crate) fn either(config: &Config) -> Family {
    let (times, states) = (config.stat, config.processes);
    let both = times.enabled && states.enabled && times != states;
    match (times.enabled, both) {
        (_, true) => Family::default(),
        (true, _) => times,
        (false, _) => states,
    }
}

impl Stat {
    /// Opens the file under `root`; `config` says which of its charts are wanted, and when.
    pub(crate) fn open(root: &Path, config: &Config) -> io::Result<Self> {
        Ok(Self {
            file: KeptFile::open(root, PATH)?,
            reading: Reading::default(),
            times: Part::new(config.stat, config),
            states: Part::new(config.processes, config),
            cpu: Chart::new(&CPU),
            interrupts: Chart::new(&INTERRUPTS),
            switches: Chart::new(&SWITCHES),
            forks: Chart::new(&FORKS),
            processes: Chart::new(&PROCESSES),
            cores: config.per_core.then(Vec::new),
            processors_told: 0,
        })
    }

    fn write_cores(&mut self, batch: &mut Batch<'_>) {
        let Some(cores) = &mut self.cores else { return };
        for core in cores.len()..self.reading.cores.len() {
            let owner = Owner {
                device: format!("cpu{core}"),
                priority_offset: core as i32,
                ..Owner::machine(PATH, self.times.owner.update_every_s)
            };
            cores.push((Chart::new(&CORE), owner));
        }
        for ((chart, owner), times) in cores.iter_mut().zip(&self.reading.cores) {
            if let Some(times) = times {
                batch.row(chart, owner, times);
            }
        }
    }
}

impl Module for Stat {
    fn name(&self) -> &'static str {
        PATH
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let due = [self.times.begin(now), self.states.begin(now)];
        if due == [false, false] { Ok(()) } else { self.reading.parse(self.file.read_record(buffer)?) }
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if self.times.due {
            self.write_times(batch);
        }
        if self.states.due {
            self.write_states(batch);
        }
    }
}

impl Stat {
    fn write_times(&mut self, batch: &mut Batch<'_>) {
        let owner = &self.times.owner;
        if let Some(times) = &self.reading.cpu {
            batch.row(&mut self.cpu, owner, times);
        }
        if let Some(interrupts) = self.reading.interrupts {
            batch.row(&mut self.interrupts, owner, &[interrupts]);
        }
        self.write_cores(batch);
        let processors = self.reading.cores.len();
        if processors != self.processors_told {
            self.processors_told = processors;
            batch.host_variable("active_processors", processors as f64);
        }
    }

    fn write_states(&mut self, batch: &mut Batch<'_>) {
        let owner = &self.states.owner;
        for (chart, value) in [(&mut self.switches, self.reading.switches), (&mut self.forks, self.reading.forks)] {
            if let Some(value) = value {
                batch.row(chart, owner, &[value]);
            }
        }
        if let (Some(running), Some(blocked)) = (self.reading.running, self.reading.blocked) {
            batch.row(&mut self.processes, owner, &[running, blocked]);
        }
    }
}

/// What the file said.
#[derive(Debug, Default)]
struct Reading {
    cpu: Option<Times>,
    /// By number; `None` for a core that is off. As long as the highest number ever seen.
    cores: Vec<Option<Times>>,
    interrupts: Option<i64>,
    switches: Option<i64>,
    forks: Option<i64>,
    running: Option<i64>,
    blocked: Option<i64>,
}

impl Reading {
    fn parse(&mut self, text: &[u8]) -> Result<(), ReadError> {
        *self = Self { cores: std::mem::take(&mut self.cores), ..Self::default() };
        self.cores.fill(None);
        for line in lines(text) {
            self.parse_line(line);
        }
        if self.cpu.is_none() { Err(ReadError::Expected("a line cpu with its times")) } else { Ok(()) }
    }

    fn parse_line(&mut self, line: &[u8]) {
        let mut words = Words::new(line);
        match words.next() {
            Some(b"cpu") => self.cpu = times(words),
            Some(b"intr") => self.interrupts = words.number(),
            Some(b"ctxt") => self.switches = words.number(),
            Some(b"processes") => self.forks = words.number(),
            Some(b"procs_running") => self.running = words.number(),
            Some(b"procs_blocked") => self.blocked = words.number(),
            Some(label) => {
                if let Some(number) = label.strip_prefix(b"cpu") {
                    self.set_core(number, words);
                }
            }
            None => {}
        }
    }

    fn set_core(&mut self, number: &[u8], words: Words<'_>) {
        let number = crate::scan::number(number).and_then(|number| usize::try_from(number).ok());
        let Some(number) = number.filter(|&number| number < CORES_MAX) else { return };
        let Some(times) = times(words) else { return };
        if number >= self.cores.len() {
            self.cores.resize(number + 1, None);
        }
        self.cores[number] = Some(times);
    }
}

/// The times of a line, in the order of the dimensions; guests are counted in user and nice, too,
/// and are taken out there. Kernels without guests write two or one number less.
fn times(mut words: Words<'_>) -> Option<Times> {
    let [user, nice, system, idle, iowait, irq, softirq, steal] = words.numbers()?;
    let guest = words.number().unwrap_or(0);
    let guest_nice = words.number().unwrap_or(0);
    let user = user.wrapping_sub(guest);
    let nice = nice.wrapping_sub(guest_nice);
    Some([guest_nice, guest, steal, softirq, irq, user, system, nice, iowait, idle])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_CORES: &[u8] = include_bytes!("../../tests/files/stat-2-cores.txt");

    fn read(text: &[u8]) -> (Reading, bool) {
        let mut reading = Reading::default();
        let good = reading.parse(text).is_ok();
        (reading, good)
    }

    /// A real file gives all numbers, each at its place.
    #[test]
    fn a_real_file() {
        let (reading, good) = read(TWO_CORES);
        assert!(good);
        assert_eq!(reading.cpu, Some([0, 0, 158, 72, 0, 4880, 3486, 79, 628, 324_258]));
        assert_eq!(reading.cores.len(), 2);
        assert_eq!(reading.cores[1], Some([0, 0, 76, 51, 0, 2833, 2088, 46, 567, 161_163]));
        assert_eq!(reading.interrupts, Some(207_026));
        assert!(reading.switches > Some(1000) && reading.forks > Some(100));
        assert!(reading.running.is_some() && reading.blocked.is_some());
    }

    /// Guests are not counted twice, and old kernels lack them.
    #[test]
    fn guests_are_taken_out() {
        let (reading, _) = read(b"cpu 100 50 3 4 5 6 7 8 10 20\ncpu0 1 2 3 4 5 6 7 8\n");
        assert_eq!(reading.cpu, Some([20, 10, 8, 7, 6, 90, 3, 30, 5, 4]));
        assert_eq!(reading.cores[0], Some([0, 0, 8, 7, 6, 1, 3, 2, 5, 4]));
    }

    /// Cores that are off keep their place; lines that are cut or absurd are left out.
    #[test]
    fn bad_lines_are_left_out() {
        for (text, cpu, cores) in [
            ("", false, 0),
            ("cpu\n", false, 0),
            ("cpu 1 2 3 4 5 6 7\n", false, 0),
            ("cpu 1 2 3 4 5 6 7 x\n", false, 0),
            ("cpu 1 2 3 4 5 6 7 99999999999999999999\n", false, 0),
            ("cpu 1 2 3 4 5 6 7 8\ncpu3 1 2 3 4 5 6 7 8\n", true, 4),
            ("cpu 1 2 3 4 5 6 7 8\ncpu8192 1 2 3 4 5 6 7 8\ncpux 1 2 3 4 5 6 7 8\n", true, 0),
            ("cpu 1 2 3 4 5 6 7 8\ncpu18446744073709551615 1 2 3 4 5 6 7 8\n", true, 0),
            ("cpu 1 2 3 4 5 6 7 8\ncpu1 1 2 3\nintr\nctxt x\n", true, 0),
        ] {
            let (reading, good) = read(text.as_bytes());
            assert_eq!((good, reading.cores.len()), (cpu, cores), "{text}");
            assert_eq!((reading.interrupts, reading.switches), (None, None), "{text}");
        }
        let mut reading = Reading::default();
        assert!(reading.parse(TWO_CORES).is_ok());
        assert!(reading.parse(b"cpu 1 2 3 4 5 6 7 8\ncpu0 1 2 3 4 5 6 7 8\n").is_ok());
        assert_eq!((reading.cores.len(), reading.cores[1], reading.forks), (2, None, None));
    }

    /// A machine of 128 cores, whose file is longer than the buffer begins with.
    #[test]
    fn many_cores() {
        let text = crate::tests::stat_of(128);
        assert!(text.len() > 16 * 1024);
        let (reading, good) = read(&text);
        assert!(good && reading.cores.len() == 128 && reading.cores.iter().all(Option::is_some));
    }

    /// Whatever is changed in a real file, nothing panics.
    #[test]
    fn mutations() {
        let mut reading = Reading::default();
        crate::tests::mutate(TWO_CORES, |text| {
            drop(reading.parse(text));
            assert!(reading.cores.len() <= CORES_MAX);
        });
    }
}
