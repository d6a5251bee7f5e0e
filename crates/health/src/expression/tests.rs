use super::*;

/// Evaluates a text with variables as the table has them: `name=value,name=value`.
fn evaluate(text: &str, variables: &str) -> Result<Outcome, ParseError> {
    let expression = Expression::parse(text)?;
    let value = |name: &str| {
        let known = variables.split(',').filter_map(|item| item.rsplit_once('='));
        let known = known.filter(|(known, _)| *known == name).map(|(_, value)| value.parse().unwrap()).next();
        known.or(match name {
            "this" => Some(f64::NAN),
            "status" => Some(0.0),
            "now" => Some(1_795_387_000.0),
            _ => None,
        })
    };
    Ok(expression.evaluate(|number| value(&expression.variables()[number])))
}

/// Every row of the table that both generations of Netdata were asked.
#[test]
fn the_table_of_the_real_evaluators() {
    let table = include_str!("../../tests/expressions.tsv");
    let mut rows = 0;
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut columns = line.split('\t');
        let (text, variables, expected) = (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap());
        rows += 1;
        let outcome = evaluate(text, variables);
        let shown = format!("{text} with {variables}: {outcome:?}, expected {expected}");
        match (expected, outcome) {
            ("ERROR", outcome) => {
                let is_undefined = |outcome: Outcome| matches!(outcome.failure, Some(Failure::Undefined(_)));
                assert!(outcome.map_or(true, is_undefined), "{shown}");
            }
            ("nan", outcome) => assert!(outcome.unwrap().value.is_nan(), "{shown}"),
            ("inf", outcome) => {
                let outcome = outcome.unwrap();
                assert!(outcome.value.is_infinite() && outcome.failure == Some(Failure::Infinite), "{shown}");
            }
            (number, outcome) => {
                let (outcome, number) = (outcome.unwrap(), number.parse::<f64>().unwrap());
                assert!((outcome.value - number).abs() <= 1e-9 * number.abs(), "{shown}");
                assert_eq!(outcome.failure, None, "{shown}");
            }
        }
    }
    assert_eq!(rows, 63);
}

/// What the table has no rows for: precedence, signs, words, and values that are none.
#[test]
fn what_operators_mean() {
    for (text, expected) in [
        ("1 || 0 && 0", 0.0),
        ("1 + 1 ? 2 : 3", 2.0),
        ("1 ? 1 : 2 * 3", 1.0),
        ("1 == 2 > 1", 1.0),
        ("0 ? 1 : 0 ? 2 : 3", 3.0),
        ("- - 5", 5.0),
        ("2--3", 5.0),
        ("!0 + 1", 2.0),
        ("not 0 AND(2)", 1.0),
        ("!nan", 1.0),
        ("!$nobody", 1.0),
        ("-5 % 3", -2.0),
        ("5>.5", 1.0),
        (".5 + 5.", 5.5),
        ("1e-3*2E3", 2.0),
        ("-inf == inf", 1.0),
        ("1 || 1/0", 1.0),
        ("0 ? 1/0 : 7", 7.0),
        ("0.1 + 0.2 = 0.3", 1.0),
        ("abs ( -3 )", 3.0),
        ("INF == Infinity && NaN == null", 1.0),
        ("$CRITICAL - $REMOVED", 6.0),
        ("${a b-c} + 1", 3.0),
    ] {
        let outcome = evaluate(text, "a b-c=2").unwrap();
        assert_eq!((outcome.value, outcome.failure), (expected, None), "{text}");
    }
    for (text, failure) in [
        ("1/0 > 5", Failure::Infinite),
        ("0/0 == nan", Failure::Infinite),
        ("nan / 5 == nan", Failure::Unset),
        ("5 % 0", Failure::Infinite),
        ("inf - inf", Failure::Infinite),
        ("inf * 0", Failure::Infinite),
        ("nan + inf", Failure::Unset),
        ("$nobody + 1", Failure::Undefined(0)),
        ("$nobody / 1", Failure::Undefined(0)),
    ] {
        assert_eq!(evaluate(text, "").unwrap().failure, Some(failure), "{text}");
    }
}

/// What a notification tells of an evaluation: names in the order in which they were needed.
#[test]
fn traces() {
    let trace = |text: &str| {
        let expression = Expression::parse(text).unwrap();
        let value = |name: &str| match name {
            "this" => Some(60.0),
            "status" => Some(1.0),
            "a.b" => Some(0.25),
            _ => None,
        };
        expression.trace(|number| value(&expression.variables()[number]))
    };
    let hysteresis = "$this > (($status >= $WARNING) ? (40) : (50))";
    assert_eq!(trace(hysteresis), "[ $this = 60 ] [ $status = 1 ] [ $WARNING = 3 ] ");
    assert_eq!(trace("$a.b || $never"), "[ ${a.b} = 0.25 ] ");
    let failed = "[ undefined variable 'x' ] ; failed to evaluate expression with error 105 (undefined variable)";
    assert_eq!(trace("$x + 1"), failed);
}

/// An error says where it is.
#[test]
fn errors_have_columns() {
    for (text, column, wrong) in [
        ("", 1, Wrong::Empty),
        ("  ", 3, Wrong::Empty),
        ("($a + 1", 1, Wrong::Unclosed),
        ("1 + (2 3)", 8, Wrong::Unclosed),
        ("1 + hello", 5, Wrong::Operand),
        ("1 +", 4, Wrong::NoOperand),
        ("1 + !", 6, Wrong::NoOperand),
        ("1 + abs", 8, Wrong::NoOperand),
        ("1 2", 3, Wrong::Remaining),
        ("0x10", 2, Wrong::Remaining),
        ("1 ? 2", 6, Wrong::NoElse),
        ("\u{fc} + 1", 1, Wrong::Operand),
        ("${\u{fc}} + ?", 8, Wrong::NoOperand),
        ("$", 1, Wrong::Operand),
        ("${}", 1, Wrong::Operand),
        ("${a", 1, Wrong::Operand),
        (".", 1, Wrong::Operand),
        ("1 & 2", 3, Wrong::Remaining),
    ] {
        assert_eq!(Expression::parse(text).unwrap_err(), ParseError { column, wrong }, "{text}");
    }
    let long_name = format!("${}", "n".repeat(NAME_BYTES_MAX + 1));
    assert_eq!(Expression::parse(&long_name).unwrap_err().wrong, Wrong::LongName);
    assert_eq!(Expression::parse(&"1+".repeat(3_000)).unwrap_err().wrong, Wrong::Long);
}

/// However deep or long an expression is, it is evaluated in bounds, or refused.
#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(evaluate(&nested(PARSE_DEPTH_MAX), "").unwrap().value, 1.0);
    assert_eq!(Expression::parse(&nested(PARSE_DEPTH_MAX + 1)).unwrap_err().wrong, Wrong::Deep);
    assert_eq!(Expression::parse(&"-".repeat(4_000)).unwrap_err().wrong, Wrong::Deep);
    let sum = format!("0{}", "+1".repeat(200));
    assert_eq!(evaluate(&sum, "").unwrap().value, 200.0);
    assert_eq!(Expression::parse(&format!("0{}", "+1".repeat(1_000))).unwrap_err().wrong, Wrong::Deep);
    // Each parenthesis holds one value on every level back.
    let held = PARSE_DEPTH_MAX;
    let worst = format!("{}1{}", "0||(0==(0<(0+(1*(".repeat(held / 5), ")))))".repeat(held / 5));
    assert_eq!(evaluate(&worst, "").unwrap().failure, None);
    let signs = format!("{}5", "1 && 1 == 1 < 1 + 1 * (".repeat(held)) + &")".repeat(held);
    assert_eq!(evaluate(&signs, "").unwrap().failure, None);
}

/// The text as it is understood can be read again, and means the same.
#[test]
fn what_is_understood_is_shown() {
    for (text, parsed) in [
        ("$this > 50", "(${this} > 50)"),
        ("$a and not $b = 0", "(${a} && (!${b} == 0))"),
        ("1 ? -2.50 : abs($c)", "(1 ? -2.5 : abs(${c}))"),
        ("$this > (($status >= $WARNING) ? (75) : (85))", "(${this} > ((${status} >= ${WARNING}) ? 75 : 85))"),
        ("nan", "nan"),
        ("inf", "inf"),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.parsed(), parsed);
        assert_eq!(Expression::parse(parsed).unwrap().parsed(), parsed);
        assert_eq!(expression.text(), text);
    }
}
