//! What one admission and one decision cost: `cargo test --release -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::Instant;

use coffer_wire::ExternalId;
use coffer_wire::api::Form;

use super::*;

const BATCHES: u32 = 200;
const ROUNDS: u32 = 1_000;

#[test]
#[ignore = "a measurement, of use in release alone"]
fn speed_of_a_decision_with_a_kept_token() {
    let house = House::new();
    let (peer, token) = (peer("desk.apps"), house.token_with(|_| {}));
    let (person, record) = (ExternalId::new("tenant-0042").unwrap(), ExternalId::new("main").unwrap());
    let fields = [name("holder"), name("account")];
    let ask = Ask {
        category: Some(name("bank")),
        person: Some(&person),
        record: Some(&record),
        fields: &fields,
        form: Some(Form::Masked),
        purpose: Some(name("payments")),
        ..Ask::of(name("oakvale"))
    };
    let caller = house.gate.admit(&peer, Some(&token), NOW_MS).ok().unwrap();
    let admit = per_round(|| house.gate.admit(&peer, Some(black_box(&token)), NOW_MS));
    let permit = per_round(|| house.gate.permit_read(&caller, black_box(&ask)));
    let rights = per_round(|| caller.decide(black_box(&ask), Action::RecordsRead));
    let hash = per_round(|| coffer_wire::Hash::sha256(black_box(token.as_bytes())));
    let digest = per_round(|| ask.digest(&caller, Action::RecordsRead));
    let verify = per_round(|| house.gate.tokens().verify(black_box(&token), NOW_MS));
    let bytes = token.len();
    println!("SHA-256 of the token: {hash} ns; verify: {verify}; digest of the ask: {digest} ns");
    println!(
        "admit with a kept token of {bytes} bytes: {admit} ns; permit: {permit} ns, of which the policy: {rights} ns"
    );
}

/// Of the fastest batch, so that whatever else the machine does counts least. Nanoseconds.
fn per_round<T>(work: impl Fn() -> T) -> u128 {
    let batch = || {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| drop(black_box(work())));
        start.elapsed().as_nanos() / u128::from(ROUNDS)
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or_default()
}
