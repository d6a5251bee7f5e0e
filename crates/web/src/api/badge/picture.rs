//! The picture: a label and a value side by side, in boxes as wide as their texts.
//!
//! The width of a text is the sum of its characters' widths, as they were measured in the font that
//! is named first; other fonts of the list are about as wide.

use std::fmt::Write;

use super::color::Color;

pub(super) const SVG: &str = "image/svg+xml";

/// Characters of a text at most; the rest is cut.
const LABEL_CHARS_MAX: usize = 200;
const VALUE_CHARS_MAX: usize = 100;
/// Sizes at a scale of 100.
const HEIGHT: f64 = 20.0;
const FONT: f64 = 11.0;
const RADIUS: f64 = 3.0;
const PADDING: f64 = 4.0;
const BASELINE: f64 = 14.0;
const SCALE_MAX: i64 = 10_000;
const FIXED_WIDTH_MAX: i64 = 10_000;

/// Units of the font in the height of a line.
const UNITS: f64 = 2_048.0;
/// Widths of the characters from blank to tilde, in units of the font: DejaVu Sans, as measured.
const WIDTHS: [u16; 95] = [
    651, 821, 942, 1_716, 1_303, 1_946, 1_597, 563, 799, 799, 1_024, 1_716, 651, 739, 651, 690, 1_303, 1_303, 1_303,
    1_303, 1_303, 1_303, 1_303, 1_303, 1_303, 1_303, 690, 690, 1_716, 1_716, 1_716, 1_087, 2_048, 1_401, 1_405, 1_430,
    1_577, 1_294, 1_178, 1_587, 1_540, 604, 604, 1_343, 1_141, 1_767, 1_532, 1_612, 1_235, 1_612, 1_423, 1_300, 1_251,
    1_499, 1_401, 2_025, 1_403, 1_251, 1_403, 799, 690, 799, 1_716, 1_024, 1_024, 1_255, 1_300, 1_126, 1_300, 1_260,
    721, 1_300, 1_298, 569, 569, 1_186, 569, 1_995, 1_298, 1_253, 1_300, 1_300, 842, 1_067, 803, 1_298, 1_212, 1_675,
    1_212, 1_212, 1_075, 1_303, 690, 1_303, 1_716,
];
/// The width of any other character: what letters of other alphabets have on average.
const OTHER_WIDTH: u16 = 1_303;

/// What to paint.
pub(super) struct Picture<'a> {
    pub(super) label: &'a str,
    pub(super) value: &'a str,
    pub(super) label_color: Color,
    pub(super) value_color: Color,
    pub(super) label_text_color: Color,
    pub(super) value_text_color: Color,
    /// In per cent.
    pub(super) scale: i64,
    pub(super) widths: Widths,
}

/// How wide the boxes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Widths {
    /// As wide as their texts.
    Fitting,
    /// That many pixels: label and value.
    Fixed(i64, i64),
}

impl Widths {
    /// Both must be given.
    pub(super) fn of(label: i64, value: i64) -> Self {
        if label > 0 && value > 0 {
            Self::Fixed(label.min(FIXED_WIDTH_MAX), value.min(FIXED_WIDTH_MAX))
        } else {
            Self::Fitting
        }
    }
}

impl<'a> Picture<'a> {
    /// White texts of the usual size.
    pub(super) fn plain(label: &'a str, value: &'a str, label_color: Color, value_color: Color) -> Self {
        let white = Color::named(0xffffff);
        Self {
            label,
            value,
            label_color,
            value_color,
            label_text_color: white,
            value_text_color: white,
            scale: 100,
            widths: Widths::Fitting,
        }
    }

    pub(super) fn paint(&self) -> Vec<u8> {
        let mut svg = String::with_capacity(2_048);
        self.write(&mut svg).expect("a text takes all");
        svg.into_bytes()
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        let scale = self.scale.clamp(100, SCALE_MAX) as f64 / 100.0;
        let (label, label_units) = text(self.label, LABEL_CHARS_MAX);
        let (value, value_units) = text(self.value, VALUE_CHARS_MAX);
        let (first, second) = match self.widths {
            Widths::Fixed(label, value) => (label as f64, value as f64),
            Widths::Fitting => {
                let width = |units: u32| f64::from(units) / UNITS * FONT * scale + 2.0 * PADDING * scale;
                (width(label_units), width(value_units))
            }
        };
        let (total, height, radius, font) = (first + second, HEIGHT * scale, RADIUS * scale, FONT * scale);
        write!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" width="{total:.2}" height="{height:.2}">"#)?;
        svg.push_str(concat!(
            r##"<linearGradient id="smooth" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/>"##,
            r##"<stop offset="1" stop-opacity=".1"/></linearGradient>"##,
        ));
        write!(
            svg,
            r##"<mask id="round"><rect width="{total:.2}" height="{height:.2}" rx="{radius:.2}" fill="#fff"/></mask>"##
        )?;
        let cut = |svg: &mut String, name: &str, x: f64, width: f64| match self.widths {
            Widths::Fitting => Ok(()),
            Widths::Fixed(..) => write!(
                svg,
                r#"<clipPath id="{name}"><rect x="{x:.2}" width="{width:.2}" height="{height:.2}"/></clipPath>"#
            ),
        };
        cut(svg, "label", 0.0, first)?;
        cut(svg, "value", first, second)?;
        svg.push_str(r#"<g mask="url(#round)">"#);
        for (x, width, fill) in [
            (0.0, first, self.label_color.to_string()),
            (first, second, self.value_color.to_string()),
            (0.0, total, "url(#smooth)".into()),
        ] {
            write!(svg, r#"<rect x="{x:.2}" width="{width:.2}" height="{height:.2}" fill="{fill}"/>"#)?;
        }
        write!(
            svg,
            r#"</g><g text-anchor="middle" font-family="DejaVu Sans,Verdana,Geneva,sans-serif" font-size="{font:.2}">"#
        )?;
        let middle = |begin: f64, width: f64| begin + width / 2.0;
        self.write_text(svg, "label", middle(0.0, first), scale, self.label_text_color, &label)?;
        self.write_text(svg, "value", middle(first, second), scale, self.value_text_color, &value)?;
        svg.push_str("</g></svg>");
        Ok(())
    }

    /// A text over its shadow.
    fn write_text(
        &self,
        svg: &mut String,
        name: &str,
        x: f64,
        scale: f64,
        color: Color,
        text: &str,
    ) -> std::fmt::Result {
        let clip = match self.widths {
            Widths::Fitting => String::new(),
            Widths::Fixed(..) => format!(r#" clip-path="url(#{name})""#),
        };
        let y = BASELINE * scale;
        let shadow_y = y + 1.0;
        write!(svg, r##"<text x="{x:.2}" y="{shadow_y:.0}" fill="#010101" fill-opacity=".3"{clip}>{text}</text>"##)?;
        write!(svg, r#"<text x="{x:.2}" y="{y:.0}" fill="{color}"{clip}>{text}</text>"#)
    }
}

/// A text that stands for itself in XML, cut if it is long, and its width in units of the font.
fn text(text: &str, chars_max: usize) -> (String, u32) {
    let mut escaped = String::with_capacity(text.len());
    let mut units = 0;
    // XML has no way to write these.
    let shown = text.chars().filter(|character| !character.is_control() && !"\u{fffe}\u{ffff}".contains(*character));
    for character in shown.take(chars_max) {
        let place = (character as usize).checked_sub(' ' as usize);
        units += u32::from(place.and_then(|place| WIDTHS.get(place)).copied().unwrap_or(OTHER_WIDTH));
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\\' => escaped.push('/'),
            other => escaped.push(other),
        }
    }
    (escaped, units)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whatever is in a text, it stays a text; and it is no longer than is allowed.
    #[test]
    fn texts_are_escaped_and_cut() {
        let (shown, _) = text("a\"<b>\\&'\u{1}\n\u{ffff}ä🦀", 100);
        assert_eq!(shown, "a&quot;&lt;b&gt;/&amp;&apos;ä🦀");
        assert_eq!(text(&"<".repeat(500), 200).0, "&lt;".repeat(200));
    }

    /// Goal: boxes are as wide as their texts and padding, at any scale, or as wide as was asked for.
    #[test]
    fn boxes_fit() {
        let grey = Color::parse("grey");
        let paint = |scale, widths| {
            let picture = Picture { scale, widths, ..Picture::plain("00", "iii", grey, grey) };
            String::from_utf8(picture.paint()).unwrap()
        };
        // Two digits of 1303 units, three i of 569, and four times the padding.
        let width = (2.0 * 1_303.0 + 3.0 * 569.0) / 2_048.0 * 11.0 + 16.0;
        assert!(paint(100, Widths::Fitting).contains(&format!(r#"width="{width:.2}" height="20.00">"#)));
        assert!(paint(1, Widths::Fitting).contains(&format!(r#"width="{width:.2}" height="20.00">"#)));
        assert!(paint(300, Widths::Fitting).contains(&format!(r#"width="{:.2}" height="60.00">"#, width * 3.0)));
        assert!(paint(100, Widths::of(100, 50)).contains(r#"width="150.00" height="20.00">"#));
        assert_eq!(Widths::of(100, 0), Widths::Fitting);
        assert_eq!(Widths::of(i64::MAX, 1), Widths::Fixed(FIXED_WIDTH_MAX, 1));
    }
}
