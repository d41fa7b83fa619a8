//! The macro of the tables: from one line an entry it makes the `extern "C"` function and the
//! function's description.

/// One exported function, as the description of the tables has it.
pub struct Symbol {
    pub name: &'static str,
    pub doc: &'static str,
    /// Names, with Deno's names of the C types.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The count of numbers that it returns; 0 where its result is none or another.
    pub numbers: usize,
}

/// Makes a table: `fn name(argument: Type, …) -> Result = path;` calls a function with the values of
/// the arguments, and a block in place of `= path;` runs with the values under the arguments' names.
/// Either gives a Result.
macro_rules! table {
    (@entries [$($symbols:tt)*]) => {
        pub const TABLE: &[$crate::abi::table::Symbol] = &[$($symbols)*];
    };
    (
        @entries [$($symbols:tt)*]
        $(#[doc = $doc:literal])+
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $call:path;
        $($rest:tt)*
    ) => {
        table! {
            @function [$($doc)+] $name [$($argument: $type),*] [$($result)?]
            $call($($argument),*)
        }
        table! {
            @entries [
                $($symbols)*
                table!(@symbol [$($doc)+] $name [$($argument: $type),*] [$($result)?]),
            ]
            $($rest)*
        }
    };
    (
        @entries [$($symbols:tt)*]
        $(#[doc = $doc:literal])+
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
        $($rest:tt)*
    ) => {
        table! { @function [$($doc)+] $name [$($argument: $type),*] [$($result)?] $body }
        table! {
            @entries [
                $($symbols)*
                table!(@symbol [$($doc)+] $name [$($argument: $type),*] [$($result)?]),
            ]
            $($rest)*
        }
    };
    (
        @function [$($doc:literal)+] $name:ident
        [$($argument:ident: $type:ty),*] [$($result:ty)?] $body:expr
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Safety
        /// Arguments must be as the table describes them; `error` is null or a text buffer.
        #[no_mangle]
        #[allow(unused_variables, unused_mut, clippy::let_unit_value)]
        pub unsafe extern "C" fn $name(
            $($argument: <$type as $crate::abi::arguments::Argument>::Raw,)*
            $(result: *mut <$result as $crate::abi::results::Output>::Raw,)?
            error: *mut u8,
        ) -> i32 {
            let call = || -> $crate::error::Result<()> {
                $($crate::abi::results::require_place::<$result>(result)?;)?
                let mut given = $crate::abi::handles::Given::default();
                $(let $argument = unsafe {
                    let name = stringify!($argument);
                    <$type as $crate::abi::arguments::Argument>::find($argument, name, &mut given)?
                };)*
                given.locked(|objects| {
                    $(
                        let $argument =
                            <$type as $crate::abi::arguments::Argument>::value($argument, objects)?;
                    )*
                    let value: $crate::error::Result<_> = $body;
                    let value = value?;
                    $(
                        let value = <$result>::from(value);
                        unsafe { $crate::abi::results::Output::write(value, result)? };
                    )?
                    Ok(())
                })
            };
            unsafe { $crate::abi::guard::guard(error, call) }
        }
    };
    (
        @symbol [$($doc:literal)+] $name:ident
        [$($argument:ident: $type:ty),*] [$($result:ty)?]
    ) => {
        $crate::abi::table::Symbol {
            name: stringify!($name),
            doc: concat!($($doc),+),
            arguments: &[
                $((
                    stringify!($argument),
                    <$type as $crate::abi::arguments::Argument>::FFI,
                ),)*
                $((<$result as $crate::abi::results::Output>::NAME, "buffer"),)?
            ],
            numbers: 0 $(+ <$result as $crate::abi::results::Output>::NUMBERS)?,
        }
    };
    (@entries $($rest:tt)*) => {
        compile_error!("expected a doc comment, then `fn name(…) -> Result = path;` or a block");
    };
    ($($entries:tt)*) => { table! { @entries [] $($entries)* } };
}
pub(super) use table;
