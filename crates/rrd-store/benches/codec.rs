mod captures;
mod block {
    pub(crate) const ROWS: usize = 60;
}
use std::io::Write;
fn main() {
    for (n, file) in captures::FILES.iter().enumerate() {
        let Some(blocks) = captures::blocks(file) else {
            println!("{file} not at hand");
            continue;
        };
        let mut f = std::fs::File::create(format!("/tmp/codec-{n}.bin")).unwrap();
        let (mut cols, mut vals) = (0, 0);
        for b in &blocks {
            f.write_all(&(b.stride as u32).to_le_bytes()).unwrap();
            for v in &b.rows {
                f.write_all(&v.to_le_bytes()).unwrap();
            }
            cols += b.stride;
            vals += b.rows.iter().filter(|&&v| v != 0x0400_0000).count();
        }
        println!("{file}: {} blocks {cols} columns {vals} values", blocks.len());
    }
}
