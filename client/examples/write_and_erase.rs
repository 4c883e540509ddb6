//! Writes a record of bank details, changes it without undoing anyone's work, and has it erased.
//!
//! Two people do this, since nobody who may write may erase: a bank officer through the rents desk,
//! and the data protection officer through the console.
//!
//! ```text
//! coffer-vault demo --keep                      # leaves a vault running and prints its folder DIR
//! cargo run -p coffer-client --example write_and_erase -- \
//!     DIR/clients OFFICER_TOKEN_FILE DPO_TOKEN_FILE oakvale tenant-9001
//! ```

use coffer_client::wire::problem::Code;
use coffer_client::{Error, Token, Vault, ask};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clients, officer, dpo, controller, person] = arguments.as_slice() else {
        return Err("give the folder of clients, two files with tokens, a controller and a person".into());
    };
    let desk = Vault::from_config_file(format!("{clients}/rents-desk/client.toml"))?;
    let officer = desk.on_behalf_of(Token::from_file(officer)?).for_controller(controller)?;
    let payments = officer.for_purpose("payments")?;

    // Version 0 says: only if there is no such record yet.
    let first = ask::write("bank", person, "refund")?
        .set("account_number", "00012345")?
        .set("sort_code", "00-00-00")?
        .expecting(0);
    let written = payments.write(first).await?;
    println!("written as version {}, leaf {} of the log", written.version, written.logged.index);

    // Fields that are not named stay. The version that we saw keeps us from undoing another's work.
    let change = || ask::write("bank", person, "refund")?.set("account_number", "00054321");
    let changed = payments.write(change()?.expecting(written.version)).await?;
    println!("changed to version {}", changed.version);
    match payments.write(change()?.expecting(written.version)).await {
        Err(Error::Refused(refusal)) if refusal.code == Code::VersionConflict => println!("too late: {refusal}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("a write over an old version was accepted".into()),
    }

    // Erasing destroys the key under which the record lies: it is unreadable when this returns.
    let console = Vault::from_config_file(format!("{clients}/console/client.toml"))?;
    let dpo = console.on_behalf_of(Token::from_file(dpo)?).for_controller(controller)?;
    let erased = dpo.for_purpose("erasure")?.erase(ask::record("bank", person, "refund")?).await?;
    println!("{} record erased", erased.records);
    match payments.read(ask::clear("bank", person, "refund", &["sort_code"])?).await {
        Err(Error::Refused(refusal)) => println!("reading it now: {refusal}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("an erased record was read".into()),
    }
    Ok(())
}
