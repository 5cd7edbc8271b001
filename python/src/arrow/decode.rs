//! Bytes to Arrow arrays, without a copy. Knows nothing of Python.
//!
//! The bytes may come from a component that means harm. So everything is validated, and what `arrow-ipc`
//! would trust is looked at before: no length is believed that the bytes cannot hold, and the work is
//! bounded by the size of the payload.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_buffer::Buffer;
use arrow_ipc::convert::{MessageBuffer, try_fb_to_schema};
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary};
use arrow_ipc::{
    DictionaryBatch, Endianness, Message, MessageHeader, Schema as IpcSchema,
    root_as_message_with_opts,
};
use arrow_schema::{ArrowError, Field, SchemaRef};
use bytes::Bytes;
use flatbuffers::{InvalidFlatbuffer, VerifierOptions};

use super::contained::contained;

/// The key in the metadata of a schema by which the only column of the batch is the value itself. See
/// `encoding` in `wit/types.wit`.
pub(crate) const ARRAY_KEY: &str = "thalweg:array";

/// The word before the length of a message.
const CONTINUATION: u32 = u32::MAX;

/// `arrow-ipc` looks through the whole schema for each dictionary.
pub(crate) const MOST_DICTIONARIES: usize = 1024;

/// Rows for which no byte is needed, as of a column of nulls.
pub(crate) const EMPTY_ROWS: u64 = 1 << 28;

/// Rows of all columns for each byte: eight booleans, in structs in structs.
const ROWS_PER_BYTE: u64 = 64;

/// How much larger than its bytes a message may be once it is read: its parts may share bytes, as names do
/// in some writers, but a few kilobytes must not become a schema of gigabytes.
const SHARING: usize = 8;

/// The alignment that a stream gives to its buffers.
const ALIGNMENT: usize = 8;

/// An array with its field: name, type and metadata. A record batch is an array of structs without nulls.
#[derive(Clone, Debug)]
pub(crate) struct TypedArray {
    pub(crate) field: Field,
    pub(crate) array: ArrayRef,
}

/// Reads an Arrow IPC stream of one schema and one batch, and validates it in full. The array shares the
/// bytes, unless they begin at an odd address (not a multiple of 8): then they are copied once. A single
/// buffer is copied where its type needs a larger alignment than it has.
///
/// # Errors
///
/// [`ArrowProblem`] for everything that is not such a stream. It does not panic.
pub(crate) fn decode(bytes: Bytes) -> Result<TypedArray, ArrowProblem> {
    // `arrow-ipc` 60 takes the buffers of a union by the length that its node declares, and reads some
    // offsets before it looks at their alignment: it panics where they are wrong.
    contained(|| read(bytes)).unwrap_or(Err(ArrowProblem::Inconsistent))
}

fn read(bytes: Bytes) -> Result<TypedArray, ArrowProblem> {
    let mut messages = Messages { rest: aligned(bytes) };
    let mut content = Content::default();
    while let Some((head, body)) = messages.next()? {
        content.take(head.as_ref(), &body)?;
    }
    value_of(content.batch.ok_or(ArrowProblem::Missing(Part::Batch))?)
}

fn aligned(bytes: Bytes) -> Buffer {
    if bytes.as_ptr().align_offset(ALIGNMENT) == 0 {
        Buffer::from(bytes)
    } else {
        Buffer::from_slice_ref(&bytes)
    }
}

fn value_of(batch: RecordBatch) -> Result<TypedArray, ArrowProblem> {
    let schema = batch.schema();
    if !schema.metadata.contains_key(ARRAY_KEY) {
        let field = Field::new_struct("", schema.fields().clone(), false);
        let field = field.with_metadata(schema.metadata.clone());
        return Ok(TypedArray { field, array: Arc::new(StructArray::from(batch)) });
    }
    match (schema.fields().as_ref(), batch.columns()) {
        ([field], [array]) => Ok(TypedArray { field: (**field).clone(), array: Arc::clone(array) }),
        (fields, _) => Err(ArrowProblem::NoSingleColumn { columns: fields.len() }),
    }
}

/// What was read of a stream.
#[derive(Default)]
struct Content {
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
    dictionary_batches: usize,
    batch: Option<RecordBatch>,
}

impl Content {
    fn take(&mut self, message: Message<'_>, body: &Buffer) -> Result<(), ArrowProblem> {
        match message.header_type() {
            MessageHeader::Schema => {
                let schema = message.header_as_schema().ok_or(ArrowProblem::UnknownMessage)?;
                self.take_schema(schema)
            }
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch();
                self.take_dictionary(batch.ok_or(ArrowProblem::UnknownMessage)?, &message, body)
            }
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch();
                self.take_batch(batch.ok_or(ArrowProblem::UnknownMessage)?, &message, body)
            }
            _ => Err(ArrowProblem::UnknownMessage),
        }
    }

    fn take_schema(&mut self, schema: IpcSchema<'_>) -> Result<(), ArrowProblem> {
        if self.schema.is_some() {
            return Err(ArrowProblem::Repeated(Part::Schema));
        }
        if schema.endianness() != Endianness::Little {
            return Err(ArrowProblem::BigEndian);
        }
        self.schema = Some(Arc::new(try_fb_to_schema(schema)?));
        Ok(())
    }

    fn take_dictionary(
        &mut self,
        dictionary: DictionaryBatch<'_>,
        message: &Message<'_>,
        body: &Buffer,
    ) -> Result<(), ArrowProblem> {
        let schema = self.schema.as_deref().ok_or(ArrowProblem::Missing(Part::Schema))?;
        if dictionary.isDelta() {
            return Err(ArrowProblem::DeltaDictionary);
        }
        self.dictionary_batches += 1;
        if self.dictionary_batches > MOST_DICTIONARIES {
            return Err(ArrowProblem::TooManyDictionaries);
        }
        if let Some(batch) = dictionary.data() {
            check(batch, body)?;
        }
        let version = message.version();
        Ok(read_dictionary(body, dictionary, schema, &mut self.dictionaries, &version)?)
    }

    fn take_batch(
        &mut self,
        batch: arrow_ipc::RecordBatch<'_>,
        message: &Message<'_>,
        body: &Buffer,
    ) -> Result<(), ArrowProblem> {
        let schema = self.schema.clone().ok_or(ArrowProblem::Missing(Part::Schema))?;
        if self.batch.is_some() {
            return Err(ArrowProblem::Repeated(Part::Batch));
        }
        check(batch, body)?;
        let version = message.version();
        let decoder =
            RecordBatchDecoder::try_new(body, batch, schema, &self.dictionaries, &version)?;
        self.batch = Some(decoder.read_record_batch()?);
        Ok(())
    }
}

/// What `arrow-ipc` believes: that buffers lie in the body, and that lengths are lengths. Buffers that
/// overlap, or rows without bytes, would make the work larger than the payload.
fn check(batch: arrow_ipc::RecordBatch<'_>, body: &Buffer) -> Result<(), ArrowProblem> {
    if batch.compression().is_some() {
        return Err(ArrowProblem::Compressed);
    }
    let mut unclaimed = body.len() as u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (offset, length) = (length(buffer.offset())?, length(buffer.length())?);
        if offset.saturating_add(length) > body.len() as u64 {
            return Err(ArrowProblem::BufferOutside);
        }
        unclaimed = unclaimed.checked_sub(length).ok_or(ArrowProblem::BuffersOverlap)?;
    }
    let mut rows = length(batch.length())?;
    for node in batch.nodes().into_iter().flatten() {
        if length(node.null_count())? > length(node.length())? {
            return Err(ArrowProblem::BadLength);
        }
        rows = rows.saturating_add(length(node.length())?);
    }
    let most = (body.len() as u64).saturating_mul(ROWS_PER_BYTE).saturating_add(EMPTY_ROWS);
    if rows > most {
        return Err(ArrowProblem::TooManyRows { rows, bytes: body.len() });
    }
    Ok(())
}

fn length(declared: i64) -> Result<u64, ArrowProblem> {
    u64::try_from(declared).map_err(|_| ArrowProblem::BadLength)
}

/// The messages of a stream, one by one.
struct Messages {
    rest: Buffer,
}

impl Messages {
    /// The next message and its body; none at the end of the stream, whether it is marked or not.
    fn next(&mut self) -> Result<Option<(MessageBuffer, Buffer)>, ArrowProblem> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut size = self.word()?;
        if size == CONTINUATION {
            size = self.word()?;
        }
        if size == 0 {
            let is_end = self.rest.is_empty();
            return if is_end { Ok(None) } else { Err(ArrowProblem::BytesAfterEnd) };
        }
        let head = self.bytes(u64::from(size))?;
        let max_apparent_size = head.len().saturating_mul(SHARING);
        let limits = VerifierOptions { max_apparent_size, ..VerifierOptions::default() };
        if let Err(error) = root_as_message_with_opts(&limits, &head) {
            return Err(ArrowProblem::Malformed(error));
        }
        let head = MessageBuffer::try_new(head)?;
        let body = self.bytes(length(head.as_ref().bodyLength())?)?;
        Ok(Some((head, body)))
    }

    fn word(&mut self) -> Result<u32, ArrowProblem> {
        let word = self.bytes(4)?;
        Ok(u32::from_le_bytes(word.as_slice().try_into().map_err(|_| ArrowProblem::Truncated)?))
    }

    fn bytes(&mut self, len: u64) -> Result<Buffer, ArrowProblem> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.rest.len());
        let len = len.ok_or(ArrowProblem::Truncated)?;
        let taken = self.rest.slice_with_length(0, len);
        self.rest.advance(len);
        Ok(taken)
    }
}

/// What a stream has exactly once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Schema,
    Batch,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Schema => "schema",
            Part::Batch => "record batch",
        })
    }
}

/// Why bytes are no Arrow value.
#[derive(Debug)]
pub(crate) enum ArrowProblem {
    /// A message is no flatbuffer, or a far larger one than its bytes.
    Malformed(InvalidFlatbuffer),
    /// The bytes end before the message does.
    Truncated,
    /// The stream goes on after its end.
    BytesAfterEnd,
    /// A part is not there, or not where it is needed.
    Missing(Part),
    /// A part is there more than once.
    Repeated(Part),
    /// A message is neither schema, dictionary nor record batch.
    UnknownMessage,
    /// The numbers are in the other byte order.
    BigEndian,
    /// The buffers are compressed.
    Compressed,
    /// A dictionary is sent in parts.
    DeltaDictionary,
    /// There are more than [`MOST_DICTIONARIES`].
    TooManyDictionaries,
    /// A buffer is not within the body of its message.
    BufferOutside,
    /// Buffers share bytes.
    BuffersOverlap,
    /// A length is negative, or there are more nulls than values.
    BadLength,
    /// More rows than the bytes can hold.
    TooManyRows {
        /// Of all columns together.
        rows: u64,
        /// Of the body.
        bytes: usize,
    },
    /// It is marked as an array, but has not one column.
    NoSingleColumn {
        /// How many it has.
        columns: usize,
    },
    /// `arrow-ipc` stumbled over lengths that contradict each other.
    Inconsistent,
    /// What `arrow-ipc` found.
    Invalid(ArrowError),
}

impl From<ArrowError> for ArrowProblem {
    fn from(error: ArrowError) -> Self {
        ArrowProblem::Invalid(error)
    }
}

impl fmt::Display for ArrowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => {
                // The first line says what, the others where.
                let text = error.to_string();
                let what = text.lines().next().unwrap_or_default();
                write!(f, "a message is malformed: {}", what.trim_end_matches('.'))
            }
            Self::Truncated => write!(f, "the stream ends within a message"),
            Self::BytesAfterEnd => write!(f, "there are bytes after the end of the stream"),
            Self::Missing(part) => write!(f, "the stream has no {part} where it needs one"),
            Self::Repeated(part) => write!(f, "the stream has more than one {part}"),
            Self::UnknownMessage => {
                write!(f, "a message is neither schema, dictionary nor record batch")
            }
            Self::BigEndian => write!(f, "it is big-endian; only little-endian is supported"),
            Self::Compressed => write!(f, "its buffers are compressed; send them uncompressed"),
            Self::DeltaDictionary => {
                write!(f, "a dictionary is sent as a delta; send it as a whole")
            }
            Self::TooManyDictionaries => {
                write!(f, "it has more than {MOST_DICTIONARIES} dictionaries")
            }
            Self::BufferOutside => write!(f, "a buffer lies outside of the body of its message"),
            Self::BuffersOverlap => write!(f, "the buffers of a message overlap"),
            Self::BadLength => write!(f, "a length is negative or smaller than a number of nulls"),
            Self::TooManyRows { rows, bytes } => {
                write!(f, "its columns declare {rows} rows, more than {bytes} bytes can hold")
            }
            Self::NoSingleColumn { columns } => {
                write!(f, "it is marked `{ARRAY_KEY}` but has {columns} columns instead of one")
            }
            Self::Inconsistent => write!(f, "its lengths contradict each other"),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}
