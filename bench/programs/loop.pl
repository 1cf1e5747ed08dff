# loop.pl N: hashes, strings, calls
use strict;
use warnings;

my $n = shift // 5000000;
my (%seen, $sum);
$sum = 1;
sub mix { my ($x, $i) = @_; return ($x * 17 + $i) % 7919 }
for my $i (1 .. $n) {
	$sum = mix($sum, $i);
	$seen{$i & 2047} = $sum;
	$seen{"$sum:$i"} = 1 if $i % 4096 == 0;
}
print "$sum ", scalar(keys %seen), "\n";
