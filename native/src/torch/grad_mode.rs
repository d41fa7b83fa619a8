//! The thread's gradient mode.

/// Sets the thread's gradient mode and puts the old one back, also when unwinding.
pub struct GradMode(i32);

impl GradMode {
    pub fn set(enabled: bool) -> Self {
        Self(unsafe { torch_sys::at_grad_set_enabled(i32::from(enabled)) })
    }
}

impl Drop for GradMode {
    fn drop(&mut self) {
        unsafe { torch_sys::at_grad_set_enabled(self.0) };
    }
}
