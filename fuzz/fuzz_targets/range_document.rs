#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    nexmo_gate_fuzz::cases::range_document(data);
});
