//! A memory allocator in 60 lines, for a page that loads each of them.
//!
//! Blocks are powers of two from 16 bytes on. A freed block waits in the list of its size for the next one who wants that
//! size; where there is none, a fresh block is cut from the end of the memory, which grows by pages. Blocks are neither
//! split nor joined: what an engine allocates (texts, events, lists that double) comes back in the same few sizes.
//!
//! One thread only: WebAssembly's without shared memory.
#![cfg_attr(not(test), no_std)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::{null_mut, with_exposed_provenance_mut};

/// WebAssembly's unit of memory, bytes.
pub const PAGE: usize = 1 << 16;
/// The smallest block is `1 << SMALLEST` bytes; no more than its size is asked of a block's alignment.
const SMALLEST: u32 = 4;
/// The largest is a quarter of all memory that there can be.
const LARGEST: u32 = 30;

/// Where memory comes from.
///
/// # Safety
/// What `grow` answers must be readable and writable, and nobody else's from then on.
pub unsafe trait Source {
    /// The address of so many fresh pages in a row; 0 when there are no more.
    fn grow(pages: usize) -> usize;
}

/// WebAssembly's own memory.
#[cfg(target_arch = "wasm32")]
#[derive(Debug)]
pub struct Memory;

#[cfg(target_arch = "wasm32")]
// SAFETY: pages that `memory.grow` adds belong to whoever asked for them.
unsafe impl Source for Memory {
    fn grow(pages: usize) -> usize {
        match core::arch::wasm32::memory_grow::<0>(pages) {
            usize::MAX => 0,
            before => before * PAGE,
        }
    }
}

/// The allocator.
pub struct Heap<S>(UnsafeCell<State>, PhantomData<S>);

struct State {
    /// Freed blocks by size; each holds the address of the next in its first bytes.
    free: [*mut u8; (LARGEST - SMALLEST + 1) as usize],
    /// From here to `end` nobody has anything yet.
    fresh: usize,
    end: usize,
}

impl<S> Heap<S> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Heap<S> {
        let state = State {
            free: [null_mut(); (LARGEST - SMALLEST + 1) as usize],
            fresh: 0,
            end: 0,
        };
        Heap(UnsafeCell::new(state), PhantomData)
    }
}

impl<S> Default for Heap<S> {
    fn default() -> Heap<S> {
        Heap::new()
    }
}

impl<S> fmt::Debug for Heap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heap")
    }
}

/// The block for so many bytes, as its place in the lists.
fn class(size: usize) -> usize {
    let bits = usize::BITS - (size.saturating_sub(1) >> SMALLEST).leading_zeros();
    bits as usize
}

// SAFETY: one thread only, as the crate's documentation demands.
unsafe impl<S> Sync for Heap<S> {}

// SAFETY: a block is in a list, or handed out, or not cut yet, and never two of these; it is as large as its class says,
// which holds the size that was asked for; all are cut at multiples of 16 bytes.
unsafe impl<S: Source> GlobalAlloc for Heap<S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: there is one thread, and nothing below calls back.
        let state = unsafe { &mut *self.0.get() };
        let class = class(layout.size());
        let Some(free) = state.free.get_mut(class) else {
            return null_mut();
        };
        if layout.align() > 1 << SMALLEST {
            return null_mut();
        }
        let block = *free;
        if !block.is_null() {
            // SAFETY: `dealloc` wrote it; blocks are aligned for an address.
            *free = unsafe { *block.cast() };
            return block;
        }
        let size = 1 << SMALLEST << class;
        if state.end - state.fresh < size {
            let pages = size.div_ceil(PAGE);
            let start = S::grow(pages);
            if start == 0 {
                return null_mut();
            }
            if start != state.end {
                state.fresh = start;
            }
            state.end = start + pages * PAGE;
        }
        state.fresh += size;
        with_exposed_provenance_mut(state.fresh - size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let state = unsafe { &mut *self.0.get() };
        if let Some(free) = state.free.get_mut(class(layout.size())) {
            // SAFETY: the block is nobody's any more, and has room for an address.
            unsafe { *block.cast() = *free };
            *free = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if class(size) == class(layout.size()) {
            return block;
        }
        // SAFETY: the caller keeps `realloc`'s contract, so the size is none that a layout could not have.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both are at least as large as the smaller one, and two.
            unsafe { core::ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
            // SAFETY: the block is of this layout, and nobody's any more.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::vec::Vec;

    thread_local! {
        static PAGES: Cell<usize> = const { Cell::new(0) };
        /// How many pages there may be.
        static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    struct Leaked;

    // SAFETY: leaked memory is nobody else's.
    unsafe impl Source for Leaked {
        fn grow(pages: usize) -> usize {
            if PAGES.get() + pages > LIMIT.get() {
                return 0;
            }
            PAGES.set(PAGES.get() + pages);
            let memory = vec![0_u128; pages * PAGE / 16].leak();
            memory.as_mut_ptr().expose_provenance()
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap_or(Layout::new::<u64>())
    }

    /// A block, and the byte that all of it holds.
    struct Held(*mut u8, usize, u8);

    impl Held {
        fn fill(&self) {
            // SAFETY: it is ours.
            unsafe { self.0.write_bytes(self.2, self.1) };
        }

        fn is_whole(&self, size: usize) -> bool {
            // SAFETY: it is ours.
            let bytes = unsafe { std::slice::from_raw_parts(self.0, size) };
            bytes.iter().all(|byte| *byte == self.2)
        }
    }

    #[test]
    fn blocks_never_overlap_and_keep_what_is_in_them_however_they_come_and_go() {
        let heap = Heap::<Leaked>::new();
        let mut held: Vec<Held> = Vec::new();
        let mut random = 7_u64;
        let mut draw = |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize % below
        };
        for round in 0..20_000 {
            // Mostly small, now and then over a page.
            let most = if draw(50) == 0 { 200_000 } else { 300 };
            let size = 1 + draw(most);
            match draw(3) {
                0 if !held.is_empty() => {
                    let gone = held.swap_remove(draw(held.len()));
                    assert!(gone.is_whole(gone.1));
                    // SAFETY: it came from this heap with this layout.
                    unsafe { heap.dealloc(gone.0, layout(gone.1)) };
                }
                1 if !held.is_empty() => {
                    let at = draw(held.len());
                    let one = &mut held[at];
                    // SAFETY: as above.
                    one.0 = unsafe { heap.realloc(one.0, layout(one.1), size) };
                    assert!(one.is_whole(one.1.min(size)));
                    one.1 = size;
                    one.fill();
                }
                _ => {
                    // SAFETY: the size is not 0.
                    let block = unsafe { heap.alloc(layout(size)) };
                    assert!(!block.is_null());
                    assert_eq!(block.addr() % 16, 0);
                    held.push(Held(block, size, round as u8));
                    held[held.len() - 1].fill();
                }
            }
        }
        assert!(held.iter().all(|one| one.is_whole(one.1)));
    }

    #[test]
    fn what_comes_back_is_used_again() {
        let heap = Heap::<Leaked>::new();
        PAGES.set(0);
        for _ in 0..1_000 {
            for size in [1, 16, 17, 100, 5_000, 100_000] {
                // SAFETY: the size is not 0, and each block goes back as it came.
                unsafe { heap.dealloc(heap.alloc(layout(size)), layout(size)) };
            }
        }
        assert!(PAGES.get() <= 4, "{} pages", PAGES.get());
    }

    #[test]
    fn a_block_has_room_for_what_was_asked() {
        for size in (1..5_000).chain([PAGE - 1, PAGE, PAGE + 1, 1 << 20, (1 << 20) + 1]) {
            let room = 16_usize << class(size);
            assert!(
                room >= size && (room < 2 * size || room == 16),
                "{size}: {room}"
            );
        }
    }

    #[test]
    fn without_memory_there_is_no_block() {
        let heap = Heap::<Leaked>::new();
        LIMIT.set(PAGES.get());
        // SAFETY: the size is not 0.
        assert!(unsafe { heap.alloc(layout(1)) }.is_null());
        // SAFETY: the size is not 0.
        assert!(unsafe { heap.alloc(layout((1 << 30) + 1)) }.is_null());
        LIMIT.set(usize::MAX);
    }
}
