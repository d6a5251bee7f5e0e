//! What is kept of a chart: a hot record for its rows, and its texts apart.

use std::sync::Arc;

use row::{
    ChartDefinition, ChartOptions, ChartType, DimensionDefinition, DimensionOptions, FunctionDefinition, Label, Packed,
};

use crate::collection::{Clock, Dimension};
use crate::intern::Interner;
use crate::late::Repairs;
use crate::ring::Ring;
use crate::slab::Slabs;
use crate::tier::{self, Tier, TierSettings};

/// What a processor reads of memory at once.
const LINE_BYTES: usize = 64;

/// One chart. What a row touches comes first and lies together, 144 of 224 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Chart {
    pub(crate) id_hash: u32,
    /// Its name in the files of its host, as long as there are any.
    pub(crate) number: u32,
    /// The definition changed since taps were shown it.
    pub(crate) changed: bool,
    /// Only its variables did.
    pub(crate) variables_changed: bool,
    /// Another id of this host has the same hash: compare the text.
    pub(crate) ambiguous: bool,
    pub(crate) store_first: bool,
    /// A row began since the chart was last looked at, or it was defined again.
    pub(crate) seen: bool,
    pub(crate) dimensions: Vec<Dimension>,
    /// Summaries of its rows, the finest first.
    pub(crate) tiers: Vec<Tier>,
    pub(crate) clock: Clock,
    pub(crate) ring: Ring,
    pub(crate) texts: Box<ChartTexts>,
}

/// The part of a chart that rows do not need.
#[derive(Debug, Default)]
pub(crate) struct ChartTexts {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) title: Arc<str>,
    pub(crate) units: Arc<str>,
    pub(crate) family: Arc<str>,
    pub(crate) context: Arc<str>,
    pub(crate) plugin: Arc<str>,
    pub(crate) module: Arc<str>,
    pub(crate) chart_type: ChartType,
    pub(crate) priority: i32,
    pub(crate) options: ChartOptions,
    pub(crate) dimensions: Vec<DimensionTexts>,
    pub(crate) labels: Vec<OwnedLabel>,
    pub(crate) variables: Vec<(Arc<str>, f64)>,
    pub(crate) life: ChartLife,
}

/// What decides when a chart and its dimensions go.
#[derive(Debug, Default)]
pub(crate) struct ChartLife {
    /// The host's number of births with it.
    pub(crate) born: u64,
    /// and with the last index of a dimension that means another one than before.
    pub(crate) laid_out: u64,
    /// When it was looked at and no row had begun since, by the monotonic clock; 0: not yet.
    pub(crate) idle_since_us: u64,
    /// The dimensions that are obsolete.
    pub(crate) leaving: Vec<Leaving>,
}

/// A dimension that is obsolete.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) index: u32,
    /// When it was looked at and had no value since, by the monotonic clock; 0: not yet.
    pub(crate) idle_since_us: u64,
    /// Once it is gone: the second of the newest row that may have a value of it.
    pub(crate) gone_s: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct DimensionTexts {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedLabel {
    pub(crate) name: Arc<str>,
    pub(crate) value: Arc<str>,
    pub(crate) source: u32,
}

/// A function that a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedFunction {
    pub(crate) name: Arc<str>,
    timeout_s: i64,
    help: Arc<str>,
    tags: Arc<str>,
    access: Arc<str>,
    priority: i32,
    version: i32,
}

impl OwnedFunction {
    pub(crate) fn new(function: &FunctionDefinition<'_>, interner: &Interner) -> Self {
        Self {
            name: interner.get(function.name),
            timeout_s: function.timeout_s,
            help: interner.get(function.help),
            tags: interner.get(function.tags),
            access: interner.get(function.access),
            priority: function.priority,
            version: function.version,
        }
    }

    pub(crate) fn borrow(&self) -> FunctionDefinition<'_> {
        FunctionDefinition {
            name: &self.name,
            timeout_s: self.timeout_s,
            help: &self.help,
            tags: &self.tags,
            access: &self.access,
            priority: self.priority,
            version: self.version,
        }
    }
}

impl OwnedLabel {
    pub(crate) fn collect(labels: &[Label<'_>], interner: &Interner) -> Vec<Self> {
        let owned = |label: &Label<'_>| Self {
            name: interner.get(label.name),
            value: interner.get(label.value),
            source: label.source,
        };
        labels.iter().take(crate::LABELS_MAX).map(owned).collect()
    }

    pub(crate) fn borrow(&self) -> Label<'_> {
        Label { name: &self.name, value: &self.value, source: self.source }
    }
}

impl Chart {
    pub(crate) fn new(definition: &ChartDefinition<'_>, id_hash: u32, interner: &Interner) -> Self {
        Self {
            clock: Clock::default(),
            ring: Ring::new(definition.update_every_s),
            dimensions: Vec::new(),
            tiers: Vec::new(),
            id_hash,
            number: 0,
            changed: true,
            variables_changed: false,
            ambiguous: false,
            store_first: definition.options.has(ChartOptions::STORE_FIRST),
            seen: true,
            texts: Box::new(ChartTexts {
                id: interner.get(definition.id),
                name: interner.get(definition.name),
                title: interner.get(definition.title),
                units: interner.get(definition.units),
                family: interner.get(definition.family),
                context: interner.get(if definition.context.is_empty() { definition.id } else { definition.context }),
                plugin: interner.get(definition.plugin),
                module: interner.get(definition.module),
                chart_type: definition.chart_type,
                priority: definition.priority,
                options: definition.options,
                dimensions: Vec::new(),
                labels: Vec::new(),
                variables: Vec::new(),
                life: ChartLife::default(),
            }),
        }
    }

    /// No chart: what lies in a slot whose chart went.
    pub(crate) fn vacant() -> Self {
        Self {
            clock: Clock::default(),
            ring: Ring::new(1),
            dimensions: Vec::new(),
            tiers: Vec::new(),
            id_hash: NO_ID,
            number: u32::MAX,
            changed: false,
            variables_changed: false,
            ambiguous: false,
            store_first: false,
            seen: false,
            texts: Box::default(),
        }
    }

    /// Whether this is no chart.
    pub(crate) fn is_vacant(&self) -> bool {
        self.id_hash == NO_ID
    }

    /// Whether it has this id; `hash` is that of the id.
    pub(crate) fn is(&self, hash: u32, id: &[u8]) -> bool {
        self.id_hash == hash && (!self.ambiguous || self.texts.id.as_bytes() == id)
    }

    /// Makes the tiers that it lacks, as far as they are not finer than its rows.
    pub(crate) fn add_tiers(&mut self, settings: &[TierSettings]) {
        for tier in tier::of_chart(settings, self.ring.every_s as u32) {
            if let Err(place) = self.tiers.binary_search_by_key(&tier.level, |known| known.level) {
                self.tiers.insert(place, tier);
            }
        }
    }

    /// The rows of a level: 0 are those of the chart, the others those of tiers.
    pub(crate) fn ring_of(&self, level: usize) -> Option<&Ring> {
        match level {
            0 => Some(&self.ring),
            _ => self.tiers.iter().find(|tier| tier.level == level).map(|tier| &tier.ring),
        }
    }

    /// The same, to be changed.
    pub(crate) fn ring_of_mut(&mut self, level: usize) -> Option<&mut Ring> {
        match level {
            0 => Some(&mut self.ring),
            _ => self.tiers.iter_mut().find(|tier| tier.level == level).map(|tier| &mut tier.ring),
        }
    }

    /// Reads something of each part of its record that rows touch; what it returns means nothing.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        let Self { id_hash, tiers, ring, .. } = self;
        u64::from(*id_hash) ^ tiers.len() as u64 ^ ring.every_s as u64
    }

    /// The same of what its next row changes elsewhere.
    #[inline]
    pub(crate) fn touch_row(&self) -> u64 {
        let place = self.ring.open.get(self.ring.open_rows * self.ring.stride).copied().unwrap_or_default();
        let dimensions = self.dimensions.iter();
        dimensions.fold(place.into(), |sum, dimension| sum ^ dimension.collected as u64 ^ u64::from(dimension.seen))
    }

    /// Reads something of each part of its texts, and of its dimensions; what it returns means nothing.
    #[inline]
    pub(crate) fn touch_texts(&self) -> u64 {
        let ChartTexts { id, name, title, units, family, context, module, labels, life, dimensions, .. } = &*self.texts;
        let lengths = [id, name, title, units, family, context, module].map(|text| text.len());
        let all =
            lengths.into_iter().chain([labels.len(), dimensions.len()]).fold(life.born, |sum, of| sum ^ of as u64);
        self.dimensions.iter().fold(all, |sum, dimension| sum ^ dimension.collected as u64)
    }

    /// The same of what its dimensions are called, and of its newest rows.
    #[inline]
    pub(crate) fn touch_newest(&self, rows: usize) -> u64 {
        let names = self.texts.dimensions.iter().fold(0, |sum, texts| sum ^ texts.id.len() ^ texts.name.len());
        let begin = self.ring.open_rows.saturating_sub(rows) * self.ring.stride;
        let end = (self.ring.open_rows * self.ring.stride).min(self.ring.open.len());
        let rows = self.ring.open.get(begin..end).unwrap_or_default();
        rows.iter().step_by(LINE_BYTES / size_of::<u32>()).fold(names as u64, |sum, bits| sum ^ u64::from(*bits))
    }

    /// Gives back what its rows and summaries take, when it goes.
    pub(crate) fn release(&mut self, slabs: &mut Slabs, repairs: &mut Repairs) {
        self.ring.release(slabs, repairs);
        self.tiers.iter_mut().for_each(|tier| tier.ring.release(slabs, repairs));
    }

    /// Bytes that its tiers take beside sealed blocks.
    pub(crate) fn tier_bytes(&self) -> usize {
        self.tiers.iter().map(Tier::bytes).sum()
    }

    pub(crate) fn definition(&self) -> ChartDefinition<'_> {
        let texts = &self.texts;
        ChartDefinition {
            id: &texts.id,
            name: &texts.name,
            title: &texts.title,
            units: &texts.units,
            family: &texts.family,
            context: &texts.context,
            chart_type: texts.chart_type,
            priority: texts.priority,
            update_every_s: self.ring.every_s as u32,
            options: texts.options,
            plugin: &texts.plugin,
            module: &texts.module,
        }
    }

    pub(crate) fn dimension(&self, index: usize) -> DimensionDefinition<'_> {
        let (hot, texts) = (&self.dimensions[index], &self.texts.dimensions[index]);
        DimensionDefinition {
            id: &texts.id,
            name: &texts.name,
            algorithm: hot.algorithm,
            multiplier: hot.multiplier,
            divisor: hot.divisor,
            options: hot.options,
        }
    }

    /// Takes over whether a dimension is obsolete: that it leaves begins, or ends.
    pub(crate) fn note_obsolete(&mut self, index: usize) {
        let (dimension, leaving) = (&mut self.dimensions[index], &mut self.texts.life.leaving);
        let is_leaving = leaving.iter().any(|leaving| leaving.index as usize == index);
        match (dimension.options.has(DimensionOptions::OBSOLETE), is_leaving) {
            (true, false) => leaving.push(Leaving { index: index as u32, idle_since_us: 0, gone_s: None }),
            (false, true) => {
                leaving.retain(|leaving| leaving.index as usize != index);
                dimension.is_gone = false;
            }
            _ => {}
        }
    }

    /// The dimension with this id, tried first at `guess`.
    #[inline(always)]
    pub(crate) fn find_dimension(&self, id: &[u8], guess: usize) -> Option<usize> {
        let hash = id_hash(id);
        if self.is_dimension(guess, hash, id) { Some(guess) } else { self.search_dimension(hash, id) }
    }

    /// Whether the dimension at `index` has this id; `hash` is that of the id.
    #[inline(always)]
    fn is_dimension(&self, index: usize, hash: u32, id: &[u8]) -> bool {
        self.dimensions.get(index).is_some_and(|dimension| dimension.id_hash == hash)
            && (!self.ambiguous || self.texts.dimensions[index].id.as_bytes() == id)
    }

    #[cold]
    fn search_dimension(&self, hash: u32, id: &[u8]) -> Option<usize> {
        (0..self.dimensions.len()).find(|&index| self.is_dimension(index, hash, id))
    }
}

impl Dimension {
    pub(crate) fn new(definition: &DimensionDefinition<'_>, id_hash: u32) -> Self {
        Self {
            collected: 0,
            carry: 0.0,
            multiplier: nonzero(definition.multiplier),
            divisor: nonzero(definition.divisor),
            id_hash,
            stored: Packed::EMPTY,
            algorithm: definition.algorithm,
            options: definition.options,
            collections: 0,
            wide: false,
            seen: true,
            is_gone: false,
        }
    }

    /// No dimension: what lies at an index whose dimension left the ring.
    pub(crate) fn vacant() -> Self {
        let options = DimensionOptions(DimensionOptions::OBSOLETE.0 | DimensionOptions::HIDDEN.0);
        let definition = DimensionDefinition { options, ..DimensionDefinition::default() };
        Self { seen: false, ..Self::new(&definition, NO_ID) }
    }

    /// Whether this is no dimension.
    pub(crate) fn is_vacant(&self) -> bool {
        self.id_hash == NO_ID
    }

    /// Takes over a definition; returns whether it says something new.
    pub(crate) fn redefine(&mut self, definition: &DimensionDefinition<'_>) -> bool {
        let before = (self.multiplier, self.divisor, self.algorithm, self.options);
        (self.multiplier, self.divisor) = (nonzero(definition.multiplier), nonzero(definition.divisor));
        (self.algorithm, self.options) = (definition.algorithm, definition.options);
        before != (self.multiplier, self.divisor, self.algorithm, self.options)
    }
}

const fn nonzero(value: i32) -> i32 {
    if value == 0 { 1 } else { value }
}

/// A hash of an id, quick and without a key: it only tells neighbours apart, the text decides
/// where two ids of one host or chart meet. Never [`NO_ID`].
#[inline]
pub(crate) fn id_hash(id: &[u8]) -> u32 {
    let mut hash = id.len() as u64;
    let (words, tail) = id.as_chunks();
    if !words.is_empty() {
        hash = mix_all(hash, words);
    }
    let hash = mix(hash, up_to_seven(tail));
    ((hash >> 32) as u32 ^ hash as u32).max(1)
}

/// Apart, since most ids of dimensions are shorter than a word.
#[inline(never)]
fn mix_all(hash: u64, words: &[[u8; 8]]) -> u64 {
    words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)))
}

#[inline]
const fn mix(hash: u64, word: u64) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}

/// Up to seven bytes as a number, another for each text of the same length.
#[inline]
fn up_to_seven(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
    }
    match *text {
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a] => u64::from(a),
        _ => 0,
    }
}

/// The hash of no id.
pub(crate) const NO_ID: u32 = 0;
