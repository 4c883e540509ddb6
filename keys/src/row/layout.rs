use crate::Altered;
use crate::row::head::Head;

/// A record as it is stored. `identity` and `fields` are sealed; the fields stand in the order of the head.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    pub head: Head,
    pub identity: Vec<u8>,
    pub fields: Vec<Vec<u8>>,
}

impl Row {
    /// # Errors
    /// [`Altered`] for bytes that are not exactly one row: unknown format or suite, a broken rule of [`Head`], too short, too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, Altered> {
        let mut reader = Reader(bytes);
        let head = Head::read(&mut reader)?;
        let identity = reader.blob()?.to_vec();
        let fields = head.fields.iter().map(|_| reader.blob().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        if !reader.0.is_empty() {
            return Err(Altered);
        }
        Ok(Self { head, identity, fields })
    }

    /// The bytes that [`Self::parse`] takes back. A row whose head is well formed and has as many entries as there are fields, which is
    /// what [`crate::row::seal_identity`] demands, comes back the same; any other is refused by `parse`.
    pub fn encode(&self) -> Vec<u8> {
        let blobs = || std::iter::once(&self.identity).chain(&self.fields);
        let mut out = Vec::with_capacity(512 + blobs().map(|blob| 4 + blob.len()).sum::<usize>());
        self.head.write(&mut out);
        for blob in blobs() {
            out.extend_from_slice(&(blob.len() as u32).to_be_bytes());
            out.extend_from_slice(blob);
        }
        out
    }
}

/// Takes bytes from the front; every read is checked.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Altered> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Altered)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Altered> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Altered)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A length of 32 bits, then as many bytes.
    fn blob(&mut self) -> Result<&'a [u8], Altered> {
        let len = u32::from_be_bytes(self.array()?);
        self.bytes(usize::try_from(len).map_err(|_| Altered)?)
    }
}
