//! What is in the registers for floating point and vectors?
//!
//! They come from the kernel as the processor stores them with XSAVE (Intel SDM vol. 1,
//! §13.4): 512 bytes that every processor has, a header that says which other components
//! are in use, and those components, each where CPUID says.

use crate::engine::os::cpu::{self, XsaveComponent};

/// The registers for floating point and vectors of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorRegisters {
    /// `XMM0` and so on; longer ones where their upper parts are in use: `YMM0`, `ZMM0`.
    pub vectors: Vec<Vec<u8>>,
    /// `K0` to `K7`, if the processor's masks are in use.
    pub masks: Vec<u64>,
    /// `ST(0)` to `ST(7)`: 80 bits each.
    pub x87: Vec<[u8; 10]>,
    pub mxcsr: u32,
    pub control_word: u16,
    pub status_word: u16,
}

const STATUS_WORD: usize = 2;
const MXCSR: usize = 24;
const X87: usize = 32;
const XMM: usize = 160;
const XSTATE_BV: usize = 512;

const XMM_LEN: usize = 16;
const ZMM_LEN: usize = 64;

/// The components of XSAVE (Intel SDM vol. 1, §13.1), by their numbers.
const YMM_UPPER: u32 = 2;
const MASKS: u32 = 5;
const ZMM_UPPER: u32 = 6;
const ZMM_SECOND: u32 = 7;

impl VectorRegisters {
    /// Takes an XSAVE area apart; `None` if it is too short to be one.
    pub fn read(area: &[u8]) -> Option<VectorRegisters> {
        VectorRegisters::read_with(area, &cpu::xsave_component)
    }

    fn read_with(
        area: &[u8],
        component: &dyn Fn(u32) -> Option<XsaveComponent>,
    ) -> Option<VectorRegisters> {
        let in_use = word(area, XSTATE_BV).unwrap_or(0);
        let part = |number: u32| -> Option<&[u8]> {
            let XsaveComponent { offset, len } =
                component(number).filter(|_| in_use >> number & 1 != 0)?;
            area.get(offset..offset.checked_add(len)?)
        };
        let vectors = area.get(XMM..XMM + 16 * XMM_LEN)?.chunks(XMM_LEN);
        let mut vectors: Vec<Vec<u8>> = vectors.map(<[u8]>::to_vec).collect();
        if let Some(upper) = part(YMM_UPPER) {
            extend(&mut vectors, upper, XMM_LEN);
        }
        if let Some(upper) = part(ZMM_UPPER) {
            // What the middle is not said to hold is zero.
            vectors.iter_mut().for_each(|it| it.resize(2 * XMM_LEN, 0));
            extend(&mut vectors, upper, 2 * XMM_LEN);
        }
        if let Some(second) = part(ZMM_SECOND) {
            vectors.extend(second.chunks_exact(ZMM_LEN).map(<[u8]>::to_vec));
        }
        let masks = part(MASKS).unwrap_or_default().as_chunks::<8>().0;
        let x87 = area.get(X87..X87 + 8 * 16)?.chunks(16);
        let half = |at: usize| area.get(at..at + 2)?.try_into().ok();
        Some(VectorRegisters {
            vectors,
            masks: masks.iter().map(|it| u64::from_le_bytes(*it)).collect(),
            x87: x87.filter_map(|it| it.first_chunk().copied()).collect(),
            mxcsr: u32::from_le_bytes(area.get(MXCSR..MXCSR + 4)?.try_into().ok()?),
            control_word: u16::from_le_bytes(half(0)?),
            status_word: u16::from_le_bytes(half(STATUS_WORD)?),
        })
    }
}

/// Adds to each register the next `len` bytes of `upper`.
fn extend(vectors: &mut [Vec<u8>], upper: &[u8], len: usize) {
    for (vector, upper) in vectors.iter_mut().zip(upper.chunks_exact(len)) {
        vector.extend_from_slice(upper);
    }
}

fn word(area: &[u8], at: usize) -> Option<u64> {
    let bytes = area.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_register_are_put_together() {
        let mut area = vec![0; 2816];
        area[XMM + XMM_LEN..][..XMM_LEN].fill(1);
        area[576 + XMM_LEN..][..XMM_LEN].fill(2);
        area[1152 + 32..][..32].fill(3);
        area[1664..][..64].fill(4);
        let component = |number| {
            let (offset, len) = match number {
                YMM_UPPER => (576, 256),
                MASKS => (1088, 64),
                ZMM_UPPER => (1152, 512),
                ZMM_SECOND => (1664, 1024),
                _ => return None,
            };
            Some(XsaveComponent { offset, len })
        };
        let read = |area: &[u8]| VectorRegisters::read_with(area, &component).unwrap();
        let none = read(&area);
        assert!(none.vectors.len() == 16 && none.vectors.iter().all(|it| it.len() == 16));
        area[XSTATE_BV] = 1 << YMM_UPPER;
        let ymm = read(&area);
        assert_eq!(ymm.vectors[1], [[1; 16], [2; 16]].concat());
        area[XSTATE_BV] |= 1 << ZMM_UPPER | 1 << ZMM_SECOND;
        let zmm = read(&area);
        assert_eq!(zmm.vectors.len(), 32);
        assert_eq!(zmm.vectors[1], [vec![1; 16], vec![2; 16], vec![3; 32]].concat());
        assert_eq!(zmm.vectors[16], [4; 64]);
        assert_eq!(VectorRegisters::read_with(&area[..300], &component), None);
    }
}
