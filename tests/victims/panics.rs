// panics: threads, some of which panic and are caught, or joined.
use std::collections::HashMap;
use std::panic;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn risky(n: u64) -> u64 {
    let numbers: Vec<u64> = (0..10).collect();
    numbers[n as usize] * 3
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let counts = Arc::new(Mutex::new(HashMap::new()));
    let (send, receive) = mpsc::channel();
    let threads: Vec<_> = (0..8u64)
        .map(|t| {
            let counts = counts.clone();
            let send = send.clone();
            thread::spawn(move || {
                for i in 0..200 {
                    let result = panic::catch_unwind(|| risky((i + t) % 20));
                    *counts.lock().unwrap().entry(result.is_ok()).or_insert(0) += 1;
                    send.send(result.unwrap_or(1)).unwrap();
                }
                if t % 2 == 1 {
                    panic!("the end of thread {}", t);
                }
            })
        })
        .collect();
    drop(send);
    let sum: u64 = receive.iter().sum();
    let ends = threads.into_iter().map(|t| t.join()).filter(|r| r.is_err()).count();
    let counts = counts.lock().unwrap();
    println!("sum {}, well {}, caught {}, ended {}", sum, counts[&true], counts[&false], ends);
}
