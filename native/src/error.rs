//! Failures: a status with a fixed number, and a message.

/// The status that an exported function returns; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    InvalidArgument = 1,
    BadHandle = 2,
    Io = 3,
    OutOfMemory = 4,
    Torch = 5,
    Panic = 6,
    Distributed = 7,
    NotFinite = 8,
    Interrupted = 9,
}

/// Every status with its name, for the generated table.
pub const STATUSES: [(&str, Status); 10] = [
    ("Ok", Status::Ok),
    ("InvalidArgument", Status::InvalidArgument),
    ("BadHandle", Status::BadHandle),
    ("Io", Status::Io),
    ("OutOfMemory", Status::OutOfMemory),
    ("Torch", Status::Torch),
    ("Panic", Status::Panic),
    ("Distributed", Status::Distributed),
    ("NotFinite", Status::NotFinite),
    ("Interrupted", Status::Interrupted),
];

/// Words of libtorch, of the C++ library, of the system, and of cuBLAS and cuDNN for missing memory.
const OUT_OF_MEMORY: [&str; 5] = [
    "out of memory",
    "can't allocate",
    "bad_alloc",
    "Cannot allocate memory",
    "STATUS_ALLOC_FAILED",
];

/// The failure of an exported function.
#[derive(Debug)]
pub struct Error {
    pub status: Status,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: Status::InvalidArgument,
            message: message.into(),
        }
    }

    pub fn io(message: impl Into<String>) -> Self {
        Self {
            status: Status::Io,
            message: message.into(),
        }
    }
}

impl Error {
    /// Returns a failure of libtorch by its words, with a status of its own where the device or the machine has no
    /// memory left.
    pub fn by_libtorch(status: Status, message: String) -> Self {
        let is_memory = OUT_OF_MEMORY.iter().any(|words| message.contains(words));
        if !is_memory {
            return Self { status, message };
        }
        // The stack of libtorch's frames tells nobody what to do about it.
        let words = message.split("\nException raised from").next();
        Self {
            status: Status::OutOfMemory,
            message: words.unwrap_or_default().to_owned(),
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::by_libtorch(Status::Torch, error.to_string())
    }
}
