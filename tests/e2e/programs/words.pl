# hashes, regular expressions, sort, sprintf, fork, pipe, signals, eval and die
use strict;
use warnings;
$| = 1;
my %count;
for my $i (1 .. 300) {
	my $word = join '', map { chr(97 + ($i * $_) % 26) } 1 .. 5;
	$count{$word}++ if $word =~ /[aeiou]/;
}
print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
my $alarmed = 0;
$SIG{ALRM} = sub { $alarmed++ };
alarm 1;
sleep 3;
print "alarms $alarmed\n";
pipe(my $read, my $write);
my $pid = fork // die;
if (!$pid) { close $read; print $write "from the child\n"; exit 3 }
close $write;
print scalar <$read>;
waitpid $pid, 0;
print "child ", $? >> 8, "\n";
eval { die { code => 7 } };
print "died $@->{code}\n";
exit 9;
