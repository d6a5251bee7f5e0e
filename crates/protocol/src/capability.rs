//! Capabilities: what both ends of a stream can do, as bits and as the number on the wire.
//!
//! A child offers a number in its request (`ver`), the parent answers with one in its prompt.
//! Small numbers are versions of old agents, larger ones are bits; [`Capabilities::from_version`]
//! makes bits of either. The bits 0 to 2 are never used, so that bits never look like a version.

use core::fmt;

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// None at all; never on the wire.
    pub const NONE: Self = Self(0);
    /// Marker: definitions and rows only.
    pub const V1: Self = Self(1 << 3);
    /// Marker: version 2, host labels.
    pub const V2: Self = Self(1 << 4);
    /// Marker: versions 3 to 5.
    pub const VN: Self = Self(1 << 5);
    /// Marker: the number is a set of bits.
    pub const VCAPS: Self = Self(1 << 6);
    /// The child sends host labels.
    pub const HLABELS: Self = Self(1 << 7);
    /// The child sends its claim id.
    pub const CLAIM: Self = Self(1 << 8);
    /// The child sends chart labels.
    pub const CLABELS: Self = Self(1 << 9);
    /// The child's bytes are LZ4 frames.
    pub const LZ4: Self = Self(1 << 10);
    /// The child tells its functions, and the parent may call them.
    pub const FUNCTIONS: Self = Self(1 << 11);
    /// The child waits with a chart's rows until the parent asked for what it misses.
    pub const REPLICATION: Self = Self(1 << 12);
    /// Compressed text may be cut anywhere.
    pub const BINARY: Self = Self(1 << 13);
    /// Rows carry stored values and their time.
    pub const INTERPOLATED: Self = Self(1 << 14);
    /// Numbers in base 64.
    pub const IEEE754: Self = Self(1 << 15);
    /// Rows carry the results of machine learning; retired.
    pub const ML: Self = Self(1 << 16);
    /// The first form of dynamic configuration; retired.
    pub const OLD_DYNCFG: Self = Self(1 << 17);
    /// Charts and dimensions are numbered.
    pub const SLOTS: Self = Self(1 << 18);
    /// The child's bytes are ZSTD frames.
    pub const ZSTD: Self = Self(1 << 19);
    /// The child's bytes are gzip frames.
    pub const GZIP: Self = Self(1 << 20);
    /// The child's bytes are brotli frames.
    pub const BROTLI: Self = Self(1 << 21);
    /// Function calls report their progress.
    pub const PROGRESS: Self = Self(1 << 22);
    /// Dynamic configuration.
    pub const DYNCFG: Self = Self(1 << 23);
    /// The parent tells the child its node id.
    pub const NODEID: Self = Self(1 << 24);
    /// Both tell the way that a host's metrics go.
    pub const PATHS: Self = Self(1 << 25);
    /// The child sends models of machine learning.
    pub const MLMODELS: Self = Self(1 << 26);
    /// Collected values of float dimensions are doubles.
    pub const FLOATBASELINE: Self = Self(1 << 27);
    /// The child takes functions back.
    pub const FUNCDEL: Self = Self(1 << 28);

    /// All four codecs.
    pub const COMPRESSION: Self = Self(Self::LZ4.0 | Self::ZSTD.0 | Self::GZIP.0 | Self::BROTLI.0);
    /// The four markers.
    pub const MARKERS: Self = Self(Self::V1.0 | Self::V2.0 | Self::VN.0 | Self::VCAPS.0);

    /// What our parent offers, codecs apart: values come final and cheap to store.
    pub const PARENT: Self = Self(Self::CHILD.0 | Self::VCAPS.0 | Self::FLOATBASELINE.0);
    /// What our child can do, codecs apart.
    pub const CHILD: Self = Self(
        Self::HLABELS.0
            | Self::CLAIM.0
            | Self::CLABELS.0
            | Self::REPLICATION.0
            | Self::BINARY.0
            | Self::INTERPOLATED.0
            | Self::IEEE754.0
            | Self::SLOTS.0,
    );

    /// The bits with their names, lowest first.
    pub const NAMES: [(Self, &'static str); 26] = [
        (Self::V1, "V1"),
        (Self::V2, "V2"),
        (Self::VN, "VN"),
        (Self::VCAPS, "VCAPS"),
        (Self::HLABELS, "HLABELS"),
        (Self::CLAIM, "CLAIM"),
        (Self::CLABELS, "CLABELS"),
        (Self::LZ4, "LZ4"),
        (Self::FUNCTIONS, "FUNCTIONS"),
        (Self::REPLICATION, "REPLICATION"),
        (Self::BINARY, "BINARY"),
        (Self::INTERPOLATED, "INTERPOLATED"),
        (Self::IEEE754, "IEEE754"),
        (Self::ML, "ML"),
        (Self::OLD_DYNCFG, "OLD_DYNCFG"),
        (Self::SLOTS, "SLOTS"),
        (Self::ZSTD, "ZSTD"),
        (Self::GZIP, "GZIP"),
        (Self::BROTLI, "BROTLI"),
        (Self::PROGRESS, "PROGRESS"),
        (Self::DYNCFG, "DYNCFG"),
        (Self::NODEID, "NODEID"),
        (Self::PATHS, "PATHS"),
        (Self::MLMODELS, "MLMODELS"),
        (Self::FLOATBASELINE, "FLOATBASELINE"),
        (Self::FUNCDEL, "FUNCDEL"),
    ];

    /// Whether all capabilities of `other` are in the set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These capabilities and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These capabilities, those of `other` taken away.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The codec of the set, `NONE` without compression.
    #[must_use]
    pub const fn compression(self) -> Self {
        self.and(Self::COMPRESSION)
    }

    /// What a received number means, in the form in which it can be answered: exactly one marker
    /// is set, and without `VCAPS` only what the prompt for that marker implies.
    ///
    /// 0, 1, negative numbers and those beyond 31 bits are version 1. A request without `ver` is
    /// number 0.
    #[must_use]
    pub const fn from_version(number: i64) -> Self {
        let bits = match number {
            ..=1 | 0x8000_0000.. => return Self::V1,
            2 => Self::V2,
            3 => Self::VN,
            4 => Self::VN.with(Self::CLABELS),
            5 => Self::VN.with(Self::CLABELS).with(Self::LZ4),
            bits => Self(bits as u32),
        };
        if bits.has(Self::VCAPS) {
            return bits.without(Self::V1.with(Self::V2).with(Self::VN)).without(Self(7));
        }
        if bits.has(Self::VN) {
            return bits.and(Self::CLABELS.with(Self::LZ4)).with(Self::VN).implied();
        }
        if bits.has(Self::V2) { Self::V2.implied() } else { Self::V1 }
    }

    /// What a parent with the capabilities `own` agrees on with a child that offers `offered` (of
    /// [`from_version`](Self::from_version)). Of the codecs that both know the first in `order` stays.
    #[must_use]
    pub fn negotiate(own: Self, offered: Self, order: &[Self]) -> Self {
        let common = offered.and(own.with(Self::MARKERS));
        let codec = order.iter().map(|codec| common.compression().and(*codec)).find(|codec| *codec != Self::NONE);
        common.without(Self::COMPRESSION).with(codec.unwrap_or(Self::NONE)).implied()
    }

    /// The number of a child's request that offers these capabilities: the markers tell older
    /// parents that every version is fine.
    #[must_use]
    pub const fn offer(self) -> u32 {
        self.with(Self::MARKERS).0
    }

    /// The number of the prompt for these capabilities, which were negotiated; `None` where the
    /// prompt is one of the two without a number.
    #[must_use]
    pub const fn prompt_number(self) -> Option<u32> {
        if self.has(Self::VCAPS) {
            return Some(self.without(Self::V1.with(Self::V2).with(Self::VN)).0);
        }
        if !self.has(Self::VN) {
            return None;
        }
        Some(if self.has(Self::LZ4) {
            5
        } else if self.has(Self::CLABELS) {
            4
        } else {
            3
        })
    }

    /// Adds what versions 2 to 5 bring along.
    const fn implied(self) -> Self {
        if self.has(Self::V2) {
            return self.with(Self::HLABELS);
        }
        if self.has(Self::VN) {
            let labels = if self.has(Self::LZ4) { Self::CLABELS } else { Self::NONE };
            return self.with(Self::HLABELS).with(Self::CLAIM).with(labels);
        }
        self
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (bit, name) in Self::NAMES {
            if self.has(bit) {
                write!(f, "{separator}{name}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    use Capabilities as C;

    /// What a parent of version 1.37.1 has.
    const OWN_1_37: C = C(16_376);
    const ORDER: [C; 4] = [C::ZSTD, C::LZ4, C::BROTLI, C::GZIP];

    /// Offers are answered with the numbers that real parents of 1.37.1 answered.
    #[test]
    fn offers_are_answered_as_1_37_does() {
        let none = None;
        for (offer, answer) in [
            (0, none),
            (1, none),
            (-1, none),
            (4_294_967_295, none),
            (2, none),
            (3, Some(3)),
            (4, Some(4)),
            (5, Some(5)),
            (6, none),
            (7, none),
            (8, none),
            (24, none),
            (56, Some(3)),
            (64, Some(64)),
            (120, Some(64)),
            (1024, none),
            (1088, Some(1088)),
            (4160, Some(4160)),
            (15_352, Some(15_296)),
            (16_376, Some(16_320)),
            (32_760, Some(16_320)),
            (2_147_483_647, Some(16_320)),
        ] {
            let common = C::negotiate(OWN_1_37, C::from_version(offer), &ORDER);
            assert_eq!(common.prompt_number(), answer, "{offer}: {common}");
        }
        let plain = C::negotiate(OWN_1_37, C::from_version(16_376), &[]);
        assert_eq!(plain.prompt_number(), Some(15_296));
        assert_eq!(C::negotiate(OWN_1_37, C::from_version(5), &[]).prompt_number(), Some(4));
    }

    /// The same for a 2.11 parent, whose order of codecs decides.
    #[test]
    fn offers_are_answered_as_2_11_does() {
        let own = C(536_674_296);
        for (offer, order, answer) in [
            (469_565_432, &ORDER[..], 466_418_624),
            (467_468_280, &ORDER[..], 466_418_624),
            (469_041_144, &ORDER[..], 465_895_360),
            (536_674_296, &ORDER[..], 533_527_488),
            (2_147_483_647, &ORDER[..], 533_527_488),
            (469_565_432, &[], 465_894_336),
            (469_565_432, &[C::LZ4, C::ZSTD], 465_895_360),
            (134_542_272, &ORDER[..], 134_542_272),
        ] {
            let common = C::negotiate(own, C::from_version(offer), order);
            assert_eq!(common.prompt_number(), Some(answer), "{offer}: {common}");
        }
    }

    /// V1 and V2 are told apart, and bring what their prompts bring.
    #[test]
    fn old_versions_have_markers() {
        for (number, expected) in [
            (0, C::V1),
            (8, C::V1),
            (1024, C::V1),
            (2, C::V2.with(C::HLABELS)),
            (24, C::V2.with(C::HLABELS)),
            (56, C::VN.with(C::HLABELS).with(C::CLAIM)),
            (4, C::VN.with(C::HLABELS).with(C::CLAIM).with(C::CLABELS)),
        ] {
            assert_eq!(C::from_version(number), expected, "{number}");
        }
    }

    /// The profiles are the numbers that real peers were tried with.
    #[test]
    fn profiles_have_the_tried_numbers() {
        assert_eq!(C::PARENT.0, 134_542_272);
        assert_eq!(C::PARENT.with(C::LZ4).0, 134_543_296);
        assert_eq!(C::PARENT.with(C::ZSTD).0, 135_066_560);
        assert_eq!(C::CHILD.offer(), 324_544 | 56);
        assert_eq!(C::from_version(i64::from(C::CHILD.offer())), C::CHILD.with(C::VCAPS));
        assert_eq!(C::V2.with(C::HLABELS).to_string(), "V2 HLABELS");
    }
}
