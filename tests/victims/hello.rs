// hello: threads, a panic that is caught, formatting.
use std::thread;

fn main() {
    let sums: Vec<u64> = (1..=4u64)
        .map(|n| thread::spawn(move || (0..n * 1000).map(|x| x % 7).sum()))
        .map(|t| t.join().unwrap())
        .collect();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| sums[sums.len() + 1]).is_err();
    println!("{:?} {}", sums, caught);
}
