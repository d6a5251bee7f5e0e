//! Answers of a Prometheus query API, as far as they matter here: series in time, single values, labels.
//!
//! ```text
//! {"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[
//!   {"metric":{"dimension":"user"},"values":[[1795387260,"1.5"],…]}]}}
//! {"status":"error","errorType":"bad_data","error":"…"}
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use crate::json::{Fault, Reader};

/// Series of one answer.
const SERIES_MAX: usize = 200_000;
/// Values of one answer, with those that are not there: 32 MB.
const VALUES_MAX: usize = 4_000_000;
/// Characters of a server's own words that the log shows.
const WORDS_MAX: usize = 200;

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is none, in our words.
    Malformed(String),
    /// The server says so.
    Refused(String),
}

impl Wrong {
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Malformed(what) => format!("the answer cannot be read: {what}"),
            Self::Refused(error) => format!("the server refuses: {error}"),
        }
    }
}

impl From<Fault> for Wrong {
    fn from(Fault { what, at }: Fault) -> Self {
        Self::Malformed(format!("{what} at byte {at}"))
    }
}

/// The rows that were asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    /// The first one ends a step after this.
    pub(crate) after_s: i64,
    pub(crate) step_s: i64,
    pub(crate) count: usize,
}

impl Rows {
    /// The row that ends at a second.
    fn row(&self, time_s: f64) -> Option<usize> {
        let steps = (time_s - self.after_s as f64) / self.step_s as f64;
        let is_row = steps.fract() == 0.0 && steps >= 1.0 && steps <= self.count as f64;
        is_row.then(|| steps as usize - 1)
    }
}

/// Values by dimension, not a number where there is none.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    pub(crate) series: HashMap<Arc<str>, Vec<f64>>,
    /// The server says that something lacks.
    pub(crate) is_partial: bool,
}

impl Matrix {
    /// Adds what another has of the same rows; what is there stays.
    pub(crate) fn merge(&mut self, other: Self) {
        self.is_partial |= other.is_partial;
        for (dimension, values) in other.series {
            match self.series.get_mut(&dimension) {
                None => drop(self.series.insert(dimension, values)),
                Some(known) => {
                    known.iter_mut().zip(values).filter(|(one, _)| one.is_nan()).for_each(|(one, value)| *one = value)
                }
            }
        }
    }
}

/// Labels of a series.
pub(crate) type Labels = Vec<(String, String)>;

/// Reads series in time, by their dimension. Of series that share one, the first value of a row counts.
pub(crate) fn matrix(body: &[u8], rows: Rows) -> Result<Matrix, Wrong> {
    let mut matrix = Matrix::default();
    let mut points = Vec::new();
    matrix.is_partial = answer(body, |reader| {
        result(reader, "matrix", |reader| {
            let mut dimension = None;
            points.clear();
            reader.object(|reader, key| match key {
                "metric" => reader.object(|reader, label| match label {
                    "dimension" => {
                        dimension = Some(reader.text()?.into_owned());
                        Ok(())
                    }
                    _ => reader.skip(),
                }),
                "values" => reader.array(|reader| {
                    let (time_s, value) = point(reader)?;
                    points.extend(rows.row(time_s).zip(Some(value)).filter(|(_, value)| value.is_finite()));
                    Ok(())
                }),
                _ => reader.skip(),
            })?;
            let Some(dimension) = dimension else { return Ok(()) };
            if (matrix.series.len() + 1) * rows.count > VALUES_MAX {
                return reader.fault("too many series");
            }
            let values = matrix.series.entry(dimension.into()).or_insert_with(|| vec![f64::NAN; rows.count]);
            for (row, value) in points.drain(..) {
                if values[row].is_nan() {
                    values[row] = value;
                }
            }
            Ok(())
        })
    })?;
    Ok(matrix)
}

/// Reads single values with their labels.
pub(crate) fn vector(body: &[u8]) -> Result<Vec<(Labels, f64)>, Wrong> {
    let mut all = Vec::new();
    answer(body, |reader| {
        result(reader, "vector", |reader| {
            let (mut labels, mut value) = (Labels::new(), f64::NAN);
            reader.object(|reader, key| match key {
                "metric" => {
                    labels = self::labels(reader)?;
                    Ok(())
                }
                "value" => {
                    value = point(reader)?.1;
                    Ok(())
                }
                _ => reader.skip(),
            })?;
            push(reader, &mut all, (labels, value))
        })
    })?;
    Ok(all)
}

/// Reads labels of series.
pub(crate) fn series(body: &[u8]) -> Result<Vec<Labels>, Wrong> {
    let mut all = Vec::new();
    answer(body, |reader| {
        reader.array(|reader| {
            let labels = labels(reader)?;
            push(reader, &mut all, labels)
        })
    })?;
    Ok(all)
}

fn push<T>(reader: &Reader<'_>, all: &mut Vec<T>, one: T) -> Result<(), Fault> {
    if all.len() >= SERIES_MAX {
        return reader.fault("too many series");
    }
    all.push(one);
    Ok(())
}

/// Reads what stands around data; returns whether the server says that something lacks.
fn answer(body: &[u8], mut data: impl FnMut(&mut Reader<'_>) -> Result<(), Fault>) -> Result<bool, Wrong> {
    let mut reader = Reader::new(body);
    let (mut status, mut error, mut is_partial, mut has_data) = (String::new(), String::new(), false, false);
    reader.object(|reader, key| match key {
        "status" => {
            status = reader.text()?.into_owned();
            Ok(())
        }
        "error" => {
            error = reader.text()?.chars().take(WORDS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
            Ok(())
        }
        "isPartial" => {
            is_partial = reader.is_true()?;
            Ok(())
        }
        "data" if reader.peek() != Some(b'n') => {
            has_data = true;
            data(reader)
        }
        _ => reader.skip(),
    })?;
    reader.end()?;
    if status != "success" {
        return Err(Wrong::Refused(error));
    }
    if !has_data {
        return Err(Wrong::Malformed("there is no data in it".into()));
    }
    Ok(is_partial)
}

/// Reads results of one type.
fn result(
    reader: &mut Reader<'_>,
    kind: &str,
    mut one: impl FnMut(&mut Reader<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    reader.object(|reader, key| match key {
        "resultType" => match reader.text()? == kind {
            true => Ok(()),
            false => reader.fault("another type of result"),
        },
        "result" if reader.peek() != Some(b'n') => reader.array(&mut one),
        _ => reader.skip(),
    })
}

/// Reads `[second, "value"]`.
fn point(reader: &mut Reader<'_>) -> Result<(f64, f64), Fault> {
    let (mut place, mut time_s, mut value) = (0, f64::NAN, f64::NAN);
    reader.array(|reader| {
        place += 1;
        match place {
            1 => time_s = reader.number()?,
            2 => {
                let text = reader.text()?;
                let Ok(number) = text.parse() else { return reader.fault("a value that is no number") };
                value = number;
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    if place < 2 { reader.fault("a point without value") } else { Ok((time_s, value)) }
}

fn labels(reader: &mut Reader<'_>) -> Result<Labels, Fault> {
    let mut labels = Labels::new();
    reader.object(|reader, name| {
        let value = reader.text()?.into_owned();
        labels.push((name.to_owned(), value));
        Ok(())
    })?;
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Rows = Rows { after_s: 100, step_s: 10, count: 3 };

    fn read(result: &str) -> Result<Matrix, Wrong> {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#);
        matrix(body.as_bytes(), ROWS)
    }

    fn same(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    }

    /// Goal: values come to the rows of their seconds, whatever stands around; what is no number is a gap.
    #[test]
    fn values_come_to_their_rows() {
        let found = read(
            r#"[{"metric":{"__name__":"x","dimension":"user"},"values":[[110,"1.5"],[120.000,"NaN"],[130,"-2e1"],[140,"9"],[115,"9"],[100,"9"]]},
                {"metric":{"dimension":"sys\"tem"},"values":[[120,"+Inf"]],"more":[{}]},
                {"metric":{},"values":[[110,"7"]]},
                {"values":[[110,"8"],[120,"4"]],"metric":{"dimension":"user"}}]"#,
        )
        .unwrap();
        let nan = f64::NAN;
        assert_eq!(found.series.len(), 2);
        assert!(same(&found.series["user"], &[1.5, 4.0, -20.0]), "{found:?}");
        assert!(same(&found.series["sys\"tem"], &[nan, nan, nan]));
        assert!(!found.is_partial && read("[]").unwrap().series.is_empty());
        let partial = br#"{"isPartial":true,"status":"success","data":{"result":[],"resultType":"matrix"},"stats":{}}"#;
        assert!(matrix(partial, ROWS).unwrap().is_partial);
    }

    /// Goal: of two servers, the first that has a value gives it.
    #[test]
    fn matrices_merge() {
        let one = |a: &str| read(&format!(r#"[{{"metric":{{"dimension":"a"}},"values":[{a}]}}]"#)).unwrap();
        let mut first = one(r#"[110,"1"],[120,"2"]"#);
        first.merge(one(r#"[120,"7"],[130,"3"]"#));
        assert!(same(&first.series["a"], &[1.0, 2.0, 3.0]));
    }

    /// Goal: what is no answer is an error that says why.
    #[test]
    fn what_is_wrong_is_said() {
        for (body, words) in [
            ("", "the answer cannot be read: no object at byte 0"),
            ("<html>", "the answer cannot be read: no object at byte 0"),
            (r#"{"status":"error","errorType":"bad_data","error":"too\nlong"}"#, "the server refuses: too long"),
            (r#"{"status":"success"}"#, "the answer cannot be read: there is no data in it"),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
                "the answer cannot be read: another type of result at byte 49",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}"#,
                "the answer cannot be read: a point without value at byte 86",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}"#,
                "the answer cannot be read: a value that is no number at byte 89",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":["#,
                "the answer cannot be read: no object at byte 60",
            ),
        ] {
            assert_eq!(matrix(body.as_bytes(), ROWS).unwrap_err().words(), words, "{body}");
        }
    }

    #[test]
    fn labels_and_single_values() {
        let body = br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"g","instance":"box"},"value":[5.5,"17"]}]}}"#;
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect::<Labels>();
        assert_eq!(vector(body).unwrap(), [(labels(&[("node", "g"), ("instance", "box")]), 17.0)]);
        let body = br#"{"status":"success","data":[{"chart":"a.b","dimension":"c"},{}]}"#;
        assert_eq!(series(body).unwrap(), [labels(&[("chart", "a.b"), ("dimension", "c")]), vec![]]);
    }

    /// Goal: whatever bytes come, reading ends: a good answer is cut, changed and shuffled at random.
    #[test]
    fn reading_is_total() {
        let good = br#"{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[{"metric":{"dimension":"us\u00e4r\\"},"values":[[110,"1.5"],[120,"NaN"]]},{"metric":{"dimension":"b"},"values":[]}]}}"#;
        let mut random = 5_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        assert!(matrix(good, ROWS).is_ok());
        for _ in 0..100_000 {
            let mut body = good.to_vec();
            for _ in 0..1 + next(4) {
                let (place, other) = (next(body.len()), next(body.len()));
                match next(5) {
                    0 => body.truncate(place + 1),
                    1 => body[place] = next(256) as u8,
                    2 => body[place] = b"{}[]\",:\\0-.eun"[next(14)],
                    3 => body.swap(place, other),
                    _ => {
                        let part = body[place.min(other)..place.max(other)].to_vec();
                        body.splice(place..place, part);
                    }
                }
            }
            drop((matrix(&body, ROWS).map_err(|wrong| wrong.words()), vector(&body), series(&body)));
        }
    }
}
