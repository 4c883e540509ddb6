//! The people of the bench and their bank details, each derived from a number, so that a value that
//! comes back can be checked without having been kept.

/// People in the vault.
pub(crate) const PEOPLE: u64 = 10_000;
/// Whose data it is.
pub(crate) const CONTROLLER: &str = "oakvale";
/// The record that each has.
pub(crate) const RECORD: &str = "main";

/// A person's id.
pub(crate) fn id(person: u64) -> String {
    format!("tenant-{person:05}")
}

/// A person's account number.
pub(crate) fn account_number(person: u64) -> String {
    // Prime to 10^8: no two people have one.
    format!("{:08}", (person * 7_654_321 + 1_234_567) % 100_000_000)
}

/// The four fields that a rents officer sees in clear, in the order of an answer.
pub(crate) fn four_fields(person: u64) -> [(&'static str, String); 4] {
    let (a, b, c) = (person % 97, person / 97 % 97, person / 13 % 97);
    [
        ("account_name", format!("Tenant Number {person:05}")),
        ("account_number", account_number(person)),
        ("payment_method", ["direct-debit", "standing-order", "card", "cash"][(person % 4) as usize].to_owned()),
        ("sort_code", format!("{a:02}-{b:02}-{c:02}")),
    ]
}
