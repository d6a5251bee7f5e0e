//! The text of an expression as it is understood: a parenthesis around each operation.

use std::fmt::Write;

use super::parser::{Binary, Tree, Unary};

pub(super) fn render(tree: &Tree<'_>) -> String {
    let mut out = String::new();
    write(&mut out, tree);
    out
}

fn write(out: &mut String, tree: &Tree<'_>) {
    match tree {
        Tree::Number(value) => out.push_str(&number(*value)),
        Tree::Variable(name) => put(out, format_args!("${{{name}}}")),
        Tree::Constant(status) => put(out, format_args!("${{{}}}", status.name())),
        Tree::Unary(Unary::Abs, of) => {
            out.push_str("abs(");
            write(out, of);
            out.push(')');
        }
        Tree::Unary(operator, of) => {
            out.push(match operator {
                Unary::Not => '!',
                Unary::Plus => '+',
                Unary::Minus | Unary::Abs => '-',
            });
            write(out, of);
        }
        Tree::Binary(operator, sides) => {
            out.push('(');
            write(out, &sides.0);
            put(out, format_args!(" {} ", symbol(*operator)));
            write(out, &sides.1);
            out.push(')');
        }
        Tree::Condition(parts) => {
            out.push('(');
            write(out, &parts.0);
            out.push_str(" ? ");
            write(out, &parts.1);
            out.push_str(" : ");
            write(out, &parts.2);
            out.push(')');
        }
    }
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a text takes whatever is written to it");
}

/// Up to seven decimals, without zeros at the end.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return "inf".into();
    }
    let text = format!("{value:.7}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

const fn symbol(operator: Binary) -> &'static str {
    match operator {
        Binary::And => "&&",
        Binary::Or => "||",
        Binary::Equal => "==",
        Binary::NotEqual => "!=",
        Binary::Less => "<",
        Binary::LessEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterEqual => ">=",
        Binary::Plus => "+",
        Binary::Minus => "-",
        Binary::Times => "*",
        Binary::Divide => "/",
        Binary::Modulo => "%",
    }
}
