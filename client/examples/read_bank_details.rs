//! Reads a tenant's bank details: first what the mask leaves of them, then the sort code in clear.
//!
//! ```text
//! coffer-vault demo --keep                      # leaves a vault running and prints its folder
//! cargo run -p coffer-client --example read_bank_details -- \
//!     DIR/clients/rents-desk/client.toml TOKEN_FILE oakvale tenant-0001 main
//! ```

use coffer_client::{Token, Vault, ask};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, token, controller, person, record] = arguments.as_slice() else {
        return Err("give client.toml, a file with a token, a controller, a person and a record".into());
    };

    // Who this program is, where the vault is, and under which key its log is checked.
    let vault = Vault::from_config_file(config)?;
    // Who sits before it. A token is never an argument: everyone on the machine can see those.
    let session = vault.on_behalf_of(Token::from_file(token)?).for_controller(controller)?;
    // What for. Without a purpose there is nothing to read with.
    let payments = session.for_purpose("payments")?.with_reason("example: tenant asks which account we hold");

    let fields = ["account_number", "sort_code"];
    let masked = payments.read(ask::masked("bank", person, record, &fields)?).await?;
    for (name, value) in &masked.fields {
        println!("{name} (masked)  {}", value.expose());
    }

    // Each read is in the vault's log before the value comes out; here is where.
    let clear = payments.read(ask::clear("bank", person, record, &["sort_code"])?).await?;
    println!("sort_code         {}", clear.field("sort_code").map_or("not there", |value| value.expose()));
    println!("these reads are leaves {} and {} of the log", masked.logged.index, clear.logged.index);

    // The receipts were compared at once. This waits for the proofs that the leaves are in the tree.
    let receipts = vault.receipts().settle().await?;
    println!("{} of {} receipts proved", receipts.proved, receipts.received);
    Ok(())
}
