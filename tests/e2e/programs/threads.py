# imports, threads, signals, a subprocess, exceptions
import collections, json, re, signal, subprocess, sys, threading

signal.signal(signal.SIGUSR1, lambda number, frame: print("signal", number))
results = {}

def work(n):
    words = re.findall(r"[a-z]+", "the quick brown fox " * n)
    results[n] = collections.Counter(words).most_common(1)

threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps(results, sort_keys=True))
signal.raise_signal(signal.SIGUSR1)
print(subprocess.run(["sh", "-c", "echo out; exit 5"], capture_output=True).returncode)
try:
    [][1]
except IndexError as error:
    print(error)
sys.stdout.flush()
sys.exit(11)
