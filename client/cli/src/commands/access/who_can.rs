//! `coffer access who-can`: who may do something under the policy in force, cell by cell.

use coffer_wire::api::{Cell, ShowRequest};

use crate::args::{Target, Verb, WhoCan};
use crate::connect::Desk;
use crate::failure::Failure;
use crate::output::{Piece, faint, list, maybe, plain};

pub async fn run(desk: &Desk, args: &WhoCan) -> Result<(), Failure> {
    let Target { category, field } = args.target;
    if field.is_some() && !args.verb.is_about_fields() {
        return Err(Failure::usage("listing and erasing concern whole records", "name the category alone"));
    }
    let (_, session) = desk.session()?;
    let asked = ShowRequest { category: Some(category), field, action: Some(args.verb.action()) };
    let answer = session.show_access(&asked).await?;
    if desk.screen.is_json() {
        return desk.screen.json(&answer);
    }
    if answer.cells.is_empty() {
        let nobody = format!("Nobody, under policy epoch {}.", answer.policy);
        return desk.screen.line([plain(nobody), faint("  `coffer status` lists the categories there are.")]);
    }
    // A column in which nothing can stand is left out.
    match (args.verb, field) {
        (Verb::Read, None) => desk.screen.table(
            ["role", "field", "form", "purpose", "through", "rule"],
            rows(&answer.cells, |cell| {
                [role(cell), maybe(cell.field), form(cell), purpose(cell), through(cell), rule(cell)]
            }),
        ),
        (Verb::Read, Some(_)) => desk.screen.table(
            ["role", "form", "purpose", "through", "rule"],
            rows(&answer.cells, |cell| [role(cell), form(cell), purpose(cell), through(cell), rule(cell)]),
        ),
        (Verb::Write, None) => desk.screen.table(
            ["role", "field", "purpose", "through", "rule"],
            rows(&answer.cells, |cell| [role(cell), maybe(cell.field), purpose(cell), through(cell), rule(cell)]),
        ),
        _ => desk.screen.table(
            ["role", "purpose", "through", "rule"],
            rows(&answer.cells, |cell| [role(cell), purpose(cell), through(cell), rule(cell)]),
        ),
    }?;
    desk.screen.line([faint(format!("policy epoch {}", answer.policy))])
}

fn rows<const N: usize>(cells: &[Cell], row: impl Fn(&Cell) -> [Piece; N]) -> Vec<[Piece; N]> {
    cells.iter().map(row).collect()
}

fn role(cell: &Cell) -> Piece {
    plain(cell.role)
}

fn form(cell: &Cell) -> Piece {
    maybe(cell.form.map(|form| form.as_str()))
}

fn purpose(cell: &Cell) -> Piece {
    plain(cell.purpose)
}

/// A cell without an application is granted and out of everybody's reach.
fn through(cell: &Cell) -> Piece {
    list(&cell.applications)
}

fn rule(cell: &Cell) -> Piece {
    faint(cell.rule)
}
