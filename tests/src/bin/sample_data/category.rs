//! What is held about the tenants, category by category, in the columns of the shipped schema.

use crate::choice::Choice;
use crate::table::Table;
use crate::tenant::Tenant;
use crate::words::{ACCESS_NOTES, CARE_NEEDS, COMPLAINT_FOLLOW_UPS, COMPLAINTS, CREDITORS, WITNESS_STATEMENTS};
use crate::{home, money, people, safety, talk};

/// A file of the sample data.
pub(crate) struct Category {
    /// The category's name, and the file's.
    pub(crate) name: &'static str,
    /// What record ids begin with.
    letter: char,
    /// Its own stream of choices.
    stream: u64,
    /// The columns after controller, person and record.
    columns: &'static [&'static str],
    /// How many records a tenant has.
    records: fn(&mut Choice, &Tenant) -> u32,
    /// One record, a cell for each column.
    record: fn(&mut Choice, &Tenant) -> Vec<String>,
}

/// The files, in the order in which they are written.
pub(crate) const CATEGORIES: [Category; 22] = [
    Category {
        name: "bank",
        letter: 'B',
        stream: 1,
        columns: &["account_name", "sort_code", "account_number", "payment_method", "mandate_date"],
        records: |choice, tenant| if tenant.bank { 1 + u32::from(choice.percent(6)) } else { 0 },
        record: bank,
    },
    Category {
        name: "care",
        letter: 'C',
        stream: 2,
        columns: &["needs", "mobility", "access_notes", "contact_phone", "next_review"],
        records: |_, tenant| u32::from(tenant.care),
        record: care,
    },
    Category {
        name: "debts",
        letter: 'D',
        stream: 3,
        columns: &["creditor", "balance", "monthly_plan", "status", "owed_since"],
        records: |choice, tenant| if tenant.debts { choice.between(1, 3) } else { 0 },
        record: debt,
    },
    Category {
        name: "complaints",
        letter: 'K',
        stream: 4,
        columns: &[
            "summary",
            "stage",
            "received_on",
            "callback_phone",
            "redress",
            "witness_statement",
            "witness_person",
        ],
        records: |choice, tenant| if tenant.complaints { choice.between(1, 2) } else { 0 },
        record: complaint,
    },
    Category {
        name: "contact",
        letter: 'A',
        stream: 5,
        columns: &[
            "name",
            "address",
            "postcode",
            "phone",
            "email",
            "preferred_channel",
            "address_handling",
            "contact_warning",
        ],
        records: |_, _| 1,
        record: home::contact,
    },
    Category {
        name: "tenancy",
        letter: 'H',
        stream: 6,
        columns: &["tenancy_number", "property", "tenure", "started_on", "ended_on", "weekly_rent", "service_charge"],
        records: |_, _| 1,
        record: home::tenancy,
    },
    Category {
        name: "repairs",
        letter: 'R',
        stream: 7,
        columns: &["description", "access_notes", "trade", "priority", "reported_on", "finished_on", "status"],
        records: |choice, _| u32::from(choice.percent(18)),
        record: home::repair,
    },
    Category {
        name: "housing_needs",
        letter: 'N',
        stream: 8,
        columns: &[
            "household_size",
            "bedrooms_needed",
            "current_home",
            "medical_priority",
            "adaptations",
            "applied_on",
            "status",
        ],
        records: |choice, _| u32::from(choice.percent(12)),
        record: home::needs,
    },
    Category {
        name: "feedback",
        letter: 'F',
        stream: 9,
        columns: &["about", "rating", "comment", "given_on"],
        records: |choice, _| u32::from(choice.percent(12)),
        record: home::feedback,
    },
    Category {
        name: "benefits",
        letter: 'U',
        stream: 10,
        columns: &["benefit", "ni_number", "weekly_amount", "outcome", "checked_on", "health_note"],
        records: |choice, _| u32::from(choice.percent(18)),
        record: money::benefit,
    },
    Category {
        name: "credit",
        letter: 'X',
        stream: 11,
        columns: &["direction", "agency", "exchanged_on", "finding", "reference"],
        records: |choice, _| u32::from(choice.percent(8)),
        record: money::credit,
    },
    Category {
        name: "service_payments",
        letter: 'S',
        stream: 12,
        columns: &["service", "amount", "paid_on", "method", "reference"],
        records: |choice, _| u32::from(choice.percent(22)),
        record: money::payment,
    },
    Category {
        name: "profile",
        letter: 'P',
        stream: 13,
        columns: &["date_of_birth", "sex", "ethnicity", "employment_status", "disability"],
        records: |choice, _| u32::from(choice.percent(40)),
        record: people::profile,
    },
    Category {
        name: "representatives",
        letter: 'Y',
        stream: 14,
        columns: &[
            "name",
            "phone",
            "relationship",
            "capacity",
            "scope",
            "appointed_on",
            "ends_on",
            "evidence",
            "about",
        ],
        records: |choice, _| u32::from(choice.percent(10)),
        record: people::representative,
    },
    Category {
        name: "marketing",
        letter: 'M',
        stream: 15,
        columns: &["channel", "choice", "topic", "chosen_on"],
        records: |choice, _| u32::from(choice.percent(30)),
        record: people::marketing,
    },
    Category {
        name: "media_consent",
        letter: 'I',
        stream: 16,
        columns: &["work", "agreed_use", "consented_on", "withdrawn_on", "published_where", "reference"],
        records: |choice, _| u32::from(choice.percent(8)),
        record: people::media_consent,
    },
    Category {
        name: "incidents",
        letter: 'Z',
        stream: 17,
        columns: &[
            "kind",
            "happened_on",
            "account",
            "allegation",
            "other_party",
            "action_taken",
            "warning",
            "warning_until",
            "about",
        ],
        records: |choice, _| u32::from(choice.percent(7)),
        record: safety::incident,
    },
    Category {
        name: "offences",
        letter: 'O',
        stream: 18,
        columns: &["matter", "stage", "dated", "risk", "certificate_seen_on", "review_on"],
        records: |choice, _| u32::from(choice.percent(3)),
        record: safety::offence,
    },
    Category {
        name: "recordings",
        letter: 'V',
        stream: 19,
        columns: &["medium", "recorded_on", "duration_seconds", "notice", "notice_on", "card_capture", "reference"],
        records: |choice, _| u32::from(choice.percent(20)),
        record: safety::recording,
    },
    Category {
        name: "correspondence",
        letter: 'L',
        stream: 20,
        columns: &["channel", "received_on", "subject_line", "body", "sender_email", "names_others"],
        records: |choice, _| u32::from(choice.percent(15)),
        record: talk::letter,
    },
    Category {
        name: "contact_log",
        letter: 'G',
        stream: 21,
        columns: &["channel", "contacted_on", "facts", "action_taken"],
        records: |choice, _| u32::from(choice.percent(20)),
        record: talk::contact,
    },
    Category {
        name: "public_social",
        letter: 'W',
        stream: 22,
        columns: &["platform", "link", "posted_on", "content", "captured_on"],
        records: |choice, _| u32::from(choice.percent(4)),
        record: talk::post,
    },
];

impl Category {
    /// The whole file for these tenants.
    pub(crate) fn table(&self, seed: u64, tenants: &[Tenant]) -> String {
        let mut choice = Choice::new(seed, self.stream);
        let mut table = Table::new(&[&["controller", "person", "record"], self.columns].concat());
        let mut number = 0;
        for tenant in tenants {
            for _ in 0..(self.records)(&mut choice, tenant) {
                number += 1;
                let record = format!("{}-{number:06}", self.letter);
                let mut row = vec![tenant.controller.to_owned(), tenant.person.clone(), record];
                row.extend((self.record)(&mut choice, tenant));
                table.row(&row);
            }
        }
        table.into_text()
    }
}

fn bank(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let sort_code = format!("00-{:02}-{:02}", choice.below(100), choice.below(100));
    let account_number = format!("0000{:04}", choice.below(10_000));
    let method = choice.of(&["direct-debit", "direct-debit", "standing-order", "card", "cash"]);
    let has_mandate = matches!(method, "direct-debit" | "standing-order");
    let mandate_date = if has_mandate { choice.day(2012, 2025) } else { String::new() };
    vec![tenant.name.clone(), sort_code, account_number, method.to_owned(), mandate_date]
}

fn care(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let first = choice.of(CARE_NEEDS);
    let second = choice.of(CARE_NEEDS);
    let needs = if first == second { first.to_owned() } else { format!("{first} {second}") };
    let mobility = choice.of(&["independent", "stick-or-frame", "stick-or-frame", "wheelchair", "cared-for-in-bed"]);
    let access_notes = choice.of(ACCESS_NOTES).to_owned();
    vec![needs, mobility.to_owned(), access_notes, choice.phone(), choice.day(2026, 2027)]
}

fn debt(choice: &mut Choice, _: &Tenant) -> Vec<String> {
    let status =
        choice.of(&["open", "open", "payment-plan", "payment-plan", "breathing-space", "court-action", "settled"]);
    let balance = if status == "settled" { "0.00".to_owned() } else { choice.amount(15, 4_800) };
    let plan = if status == "payment-plan" { choice.amount(5, 120) } else { String::new() };
    vec![choice.of(CREDITORS).to_owned(), balance, plan, status.to_owned(), choice.day(2020, 2025)]
}

fn complaint(choice: &mut Choice, tenant: &Tenant) -> Vec<String> {
    let number = choice.between(2, 12);
    let summary =
        format!("{} {}", choice.of(COMPLAINTS), choice.of(COMPLAINT_FOLLOW_UPS)).replace("{n}", &number.to_string());
    let stage = choice.of(&["received", "stage-one", "stage-one", "stage-two", "ombudsman", "closed", "closed"]);
    let pays = matches!(stage, "ombudsman" | "closed") && choice.percent(60);
    let redress = if pays { choice.amount(25, 900) } else { String::new() };
    let received_on = choice.day(2023, 2025);
    let phone = choice.phone();
    let (statement, witness) = if choice.percent(30) { witness(choice, tenant) } else { Default::default() };
    vec![summary, stage.to_owned(), received_on, phone, redress, statement, witness]
}

/// Somebody else saw it.
fn witness(choice: &mut Choice, tenant: &Tenant) -> (String, String) {
    (choice.of(WITNESS_STATEMENTS).to_owned(), somebody_else(choice, tenant))
}

/// Mostly a neighbour, who is a tenant too, else a visitor.
pub(crate) fn somebody_else(choice: &mut Choice, tenant: &Tenant) -> String {
    let own: u32 = tenant.person.trim_start_matches("T-").parse().unwrap_or_default();
    let neighbour = if own.is_multiple_of(2) { own - 1 } else { own + 1 };
    if choice.percent(75) { format!("T-{neighbour:06}") } else { format!("V-{:06}", choice.between(1, 400)) }
}
