# Listens at a unix datagram socket, and prints each message as a line; its own first line says that it does.
use strict;
use warnings;
use Socket;
$| = 1;
my ($path) = @ARGV;
$path =~ s/^@/\0/;
unlink $path if $path !~ /^\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($socket, pack_sockaddr_un($path)) or die "bind: $!\n";
chmod 0666, $path if $path !~ /^\0/;
print "listening\n";
while (defined recv($socket, my $message, 65536, 0)) {
    $message =~ s/\n/|/g;
    print "$message\n";
}
