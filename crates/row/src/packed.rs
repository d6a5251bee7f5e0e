//! The packed number: a stored value in 32 bits, decimal, with its flags.
//!
//! ```text
//!  31   30     29..27  26      25     24            23..0
//! sign  times  m       hundred reset  not anomalous mantissa
//! ```
//!
//! The value is `mantissa / 10^m`, or `mantissa * 10^m` with `times`, or `mantissa * 100^m` with
//! `times` and `hundred`; exactly `0x0400_0000` is an empty place. Integers up to 16,777,215 and
//! decimals of up to seven significant digits are exact, which is the point of the format: 0.1
//! stays 0.1, and API clients see the same digits that Netdata shows.

/// What is known about a stored point beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointFlags {
    /// A counter was reset or overflowed at this point.
    pub reset: bool,
    /// The point was found anomalous where it was collected.
    pub anomalous: bool,
}

impl PointFlags {
    /// Neither reset nor anomalous.
    pub const NORMAL: Self = Self { reset: false, anomalous: false };
}

/// A stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed(u32);

const SIGN: u32 = 0x8000_0000;
const TIMES: u32 = 0x4000_0000;
const EXPONENT_SHIFT: u32 = 27;
const EXPONENT_MAX: u32 = 7;
const HUNDRED: u32 = 0x0400_0000;
const RESET: u32 = 0x0200_0000;
const NOT_ANOMALOUS: u32 = 0x0100_0000;
const MANTISSA: u32 = 0x00ff_ffff;
/// Below this a mantissa has room for one more decimal.
const SCALE_UP_BELOW: f64 = 0x0019_999e as f64;
const MANTISSA_MAX: f64 = MANTISSA as f64;
/// Adding and taking away 2^52 rounds a small positive double to the nearest even integer.
const ROUND: f64 = 4_503_599_627_370_496.0;
const POWERS_OF_10: [f64; 8] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
const POWERS_OF_100: [f64; 8] = [1.0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1e14];

impl Packed {
    /// No value: never written, or a gap.
    pub const EMPTY: Self = Self(HUNDRED);
    /// Zero, normal.
    pub const ZERO: Self = Self(NOT_ANOMALOUS);

    /// Packs a value to the nearest that can be kept; what is not finite becomes empty.
    #[must_use]
    pub fn pack(value: f64, flags: PointFlags) -> Self {
        if !value.is_finite() {
            return Self::EMPTY;
        }
        let mut bits = (u32::from(flags.reset) * RESET) | (u32::from(!flags.anomalous) * NOT_ANOMALOUS);
        let mut rest = value.abs();
        if rest < f64::MIN_POSITIVE {
            return Self(bits);
        }
        if value < 0.0 {
            bits |= SIGN;
        }
        let mut exponent = 0;
        if rest > MANTISSA_MAX {
            bits |= TIMES;
            let mut factor = 10.0;
            if rest / 1e7 > MANTISSA_MAX {
                bits |= HUNDRED;
                factor = 100.0;
            }
            while exponent < EXPONENT_MAX && rest > MANTISSA_MAX {
                rest /= factor;
                exponent += 1;
            }
            rest = rest.min(MANTISSA_MAX);
        } else {
            while exponent < EXPONENT_MAX && rest < SCALE_UP_BELOW {
                rest *= 10.0;
                exponent += 1;
            }
            if rest > MANTISSA_MAX {
                rest /= 10.0;
                exponent -= 1;
            }
        }
        let mantissa = ((rest + ROUND) - ROUND) as u32;
        Self(bits | exponent << EXPONENT_SHIFT | mantissa)
    }

    /// The same, marked as a point where a counter was reset or overflowed; what is empty stays so.
    #[must_use]
    pub const fn with_reset(self) -> Self {
        if self.is_empty() { self } else { Self(self.0 | RESET) }
    }

    /// The value; not a number where the place is empty.
    #[must_use]
    pub fn unpack(self) -> f64 {
        if self == Self::EMPTY {
            return f64::NAN;
        }
        let mantissa = f64::from(self.0 & MANTISSA);
        let exponent = self.exponent() as usize;
        let magnitude = if self.0 & TIMES == 0 {
            mantissa / POWERS_OF_10[exponent]
        } else if self.0 & HUNDRED == 0 {
            mantissa * POWERS_OF_10[exponent]
        } else {
            mantissa * POWERS_OF_100[exponent]
        };
        if self.0 & SIGN == 0 { magnitude } else { -magnitude }
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == Self::EMPTY.0
    }

    /// Whether the value is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        !self.is_empty() && self.0 & MANTISSA == 0
    }

    /// Whether a counter was reset or overflowed here.
    #[must_use]
    pub const fn is_reset(self) -> bool {
        !self.is_empty() && self.0 & RESET != 0
    }

    /// Whether the point was found anomalous where it was collected.
    #[must_use]
    pub const fn is_anomalous(self) -> bool {
        !self.is_empty() && self.0 & NOT_ANOMALOUS == 0
    }

    /// The 32 bits.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Makes a number of 32 bits, which may come from a file: any bits are a number.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    const fn exponent(self) -> u32 {
        self.0 >> EXPONENT_SHIFT & EXPONENT_MAX
    }

    /// Sign, mantissa, exponent (negative: decimals) and decimal digits per exponent step.
    pub(crate) const fn decimal(self) -> Option<(bool, u32, i32, u32)> {
        if self.is_empty() {
            return None;
        }
        let times = self.0 & TIMES != 0;
        let exponent = self.exponent() as i32;
        Some((
            self.0 & SIGN != 0,
            self.0 & MANTISSA,
            if times { exponent } else { -exponent },
            if self.0 & HUNDRED != 0 { 2 } else { 1 },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that the real routine of Netdata 1.37 produced, flags normal.
    #[expect(clippy::approx_constant, reason = "it is a value like any other here")]
    const VECTORS: [(f64, u32, f64); 21] = [
        (0.0, 0x0100_0000, 0.0),
        (1.0, 0x3998_9680, 1.0),
        (-1.0, 0xB998_9680, -1.0),
        (0.1, 0x390F_4240, 0.1),
        (0.9, 0x3989_5440, 0.9),
        (3.14159265358979, 0x312F_EFD9, 3.141593),
        (123.456, 0x29BC_6100, 123.456),
        (-273.15, 0xA129_ADEC, -273.15),
        (33.3333333333, 0x2932_DCD5, 33.33333),
        (1677721.5, 0x09FF_FFFF, 1677721.5),
        (16777215.0, 0x01FF_FFFF, 16777215.0),
        (16777217.0, 0x4919_999A, 16777220.0),
        (99999999.0, 0x4998_9680, 1e8),
        (1e14, 0x7998_9680, 1e14),
        (1.7e14, 0x6519_F0A0, 1.7e14),
        (1e15, 0x6598_9680, 1e15),
        (1e22, 0x7DFF_FFFF, 1.6777215e21),
        (1e-5, 0x3900_0064, 1e-5),
        (1e-7, 0x3900_0001, 1e-7),
        (4e-8, 0x3900_0000, 0.0),
        (f64::NAN, 0x0400_0000, f64::NAN),
    ];

    #[test]
    fn packs_and_unpacks_as_netdata_does() {
        for (value, bits, back) in VECTORS {
            let packed = Packed::pack(value, PointFlags::NORMAL);
            assert_eq!(packed.to_bits(), bits, "{value}: {:#010x}", packed.to_bits());
            let unpacked = packed.unpack();
            assert!(unpacked == back || (unpacked.is_nan() && back.is_nan()), "{value}: {unpacked}");
        }
        let flagged = Packed::pack(0.0, PointFlags { reset: true, anomalous: true });
        assert_eq!(flagged.to_bits(), 0x0200_0000);
        assert!(flagged.is_reset() && flagged.is_anomalous() && flagged.is_zero() && !flagged.is_empty());
    }

    /// A stored value may be sent, read and stored again any number of times.
    #[test]
    fn packing_again_changes_nothing() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let scale = [1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e12, 1e16, 1e20][(state >> 60) as usize % 9];
            let value = ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * scale;
            let packed = Packed::pack(value, PointFlags::NORMAL);
            let again = Packed::pack(packed.unpack(), PointFlags::NORMAL);
            assert_eq!(packed.unpack(), again.unpack(), "{value}");
            if value.abs() > 0.17 && value.abs() < 1.67e14 {
                assert!((packed.unpack() - value).abs() <= value.abs() * 3.1e-7, "{value}");
            }
        }
    }

    #[test]
    fn any_bits_unpack_without_panic() {
        for high in 0..=255_u32 {
            for low in [0, 1, 0xff_ffff] {
                let unpacked = Packed::from_bits(high << 24 | low).unpack();
                assert!(unpacked.is_nan() || unpacked.abs() <= 1.6777215e21);
            }
        }
    }
}
