# loop.py N: objects, lists, calls
import sys

class Body:
    def __init__(self, i):
        self.at, self.speed = i * 1.5, 0.0

    def pull(self, other):
        self.speed += (other.at - self.at) * 1e-6

n = int(sys.argv[1]) if len(sys.argv) > 1 else 300000
bodies = [Body(i) for i in range(6)]
for _ in range(n):
    for a in bodies:
        for b in bodies:
            if a is not b:
                a.pull(b)
    for a in bodies:
        a.at += a.speed
print("%.6f" % sum(a.at for a in bodies))
