"""changes.py STEPS TRACE: compares the bytes that single steps saw change with those
that a trace of --watch in JSON has; says the first that differs."""
import itertools
import json
import sys


def from_steps(name):
    for line in open(name):
        pc, address, old, new = line.split()
        yield int(pc, 16), int(address, 16), int(old, 16), int(new, 16)


def to_bytes(value, size):
    if isinstance(value, str):
        return bytes.fromhex(value)
    return (value % (1 << 8 * size)).to_bytes(size, 'little')


def from_trace(name):
    for line in open(name):
        e = json.loads(line)
        if e['type'] != 'write':
            continue
        old, new = to_bytes(e['old'], e['size']), to_bytes(e['new'], e['size'])
        for i in range(e['size']):
            if old[i] != new[i]:
                yield int(e['pc'], 16), int(e['address'], 16) + i, old[i], new[i]


def ordered(changes):
    """Those of one instruction by address: a repeated one is many steps."""
    for pc, group in itertools.groupby(changes, lambda c: c[0]):
        yield from sorted(group, key=lambda c: c[1])


count = 0
for step, event in itertools.zip_longest(ordered(from_steps(sys.argv[1])),
                                         ordered(from_trace(sys.argv[2]))):
    if step != event:
        show = lambda c: 'nothing' if c is None else '%x: %x %02x -> %02x' % c
        sys.exit(f'change {count}: a step shows {show(step)}, the trace {show(event)}')
    count += 1
print(count)
