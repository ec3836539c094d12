# fish completion for msync(1). Hosts come from the daemon that the command line names, paths from its base directory if it is readable.

# Runs msync at the console that the line so far names.
function __msync_ask
    set -l words (commandline -opc)
    set -l console
    for i in (seq 2 (count $words))
        switch $words[$i]
            case '--target=*' '--password-file=*'
                set -a console $words[$i]
            case -c --target -K --password-file
                test $i -lt (count $words); and set -a console $words[$i] $words[(math $i + 1)]
        end
    end
    command $words[1] $console $argv 2>/dev/null </dev/null
end

function __msync_hosts
    __msync_ask --complete-hosts
end

function __msync_paths
    set -l base (__msync_ask --status | string replace -rf '^(basedir|chroot ) : ' '')
    test -n "$base"; or return
    for path in (string join '' -- $base (commandline -ct | string unescape))*
        set -l shown (string sub -s (math (string length -- $base) + 1) -- $path)
        if test -d $path; and not test -L $path
            echo $shown/
        else
            echo $shown
        end
    end
end

complete -c msync -f -a '(__msync_paths)'
complete -c msync -s r -l recursive -d 'all below each PATH, or the whole base directory'
complete -c msync -s n -l dry-run -d 'only say what would change'
complete -c msync -s t -l to -x -a '(__fish_complete_list , __msync_hosts)' -d 'only to these hosts'
complete -c msync -s g -l group -x -a '(__fish_complete_groups)' -d 'first give the sent files to this group, here'
complete -c msync -l delete -d 'also delete there what does not exist here'
complete -c msync -l sync -d 'delete there a given PATH that does not exist here'
complete -c msync -l max-delete -x -d 'a host that would lose more names changes nothing'
complete -c msync -s z -l compress -d 'compress contents where that is faster'
complete -c msync -l no-compress -d 'send contents as they are'
complete -c msync -l compress-level -x -a '1 3 9 19' -d 'compress at most so hard'
complete -c msync -l check -d 'compare contents, change nothing'
complete -c msync -l no-fsync -d 'the hosts do not wait for their disks'
complete -c msync -l exclude -x -d 'neither send nor delete what matches'
complete -c msync -l exclude-from -r -F -d 'patterns from a file'
complete -c msync -s v -l verbose -d 'one level more'
complete -c msync -s l -l loglevel -x -a '0 1 2 3' -d 'the level as a number'
complete -c msync -l json -d 'print events as JSON, one a line'
complete -c msync -l progress -d 'show progress even if stderr is no terminal'
complete -c msync -l no-progress -d 'show no progress'
complete -c msync -l members -d 'list the other members of the group'
complete -c msync -l status -d 'what the daemon is doing, and its counters'
complete -c msync -s f -l file -r -F -d 'run console commands, one a line'
complete -c msync -s c -l target -r -F -a 'tcp: unix:' -d console
complete -c msync -s K -l password-file -r -F -d 'password of the console'
complete -c msync -s h -l help -d 'print the usage'
complete -c msync -s V -l version -d 'print the version'
