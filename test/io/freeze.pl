# Holds one thread of another process, by ptrace(2), until this process ends; says when it does.
use strict;
use warnings;
use POSIX ();
$| = 1;
my ($thread) = @ARGV;
my $machine = (POSIX::uname())[4];
my %ptrace = (x86_64 => 101, aarch64 => 117);
my ($SEIZE, $INTERRUPT) = (0x4206, 0x4207);
my $call = $ptrace{$machine} or die "what is ptrace's number on $machine?\n";
for my $request ($SEIZE, $INTERRUPT) {
    syscall($call, $request, 0 + $thread, 0, 0) == 0 or die "ptrace: $!\n";
}
print "held\n";
sleep 1000;
