# bash completion for makuosan(8).

_makuosan() {
    local cur=$2 prev=$3 before=""
    # "--user=name" arrives as three words.
    if [[ $cur == = ]]; then
        cur=""
    elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # Of letters behind one dash, the last may take a value.
    [[ $prev =~ ^-[nDrsoOcChV]+([bugGpmilUkKfRSTd])$ ]] && prev=-${BASH_REMATCH[1]}
    COMPREPLY=()
    case $prev in
    -b | --base)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        ;;
    -U | --socket | -k | --key | -K | --password-file | --log)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    -u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    -g | --group) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
    -G | --groups)
        [[ $cur == *,* ]] && before=${cur%,*},
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P "$before" -g -- "${cur##*,}")
        ;;
    -i | --interface) mapfile -t COMPREPLY < <(compgen -W "$(cd /sys/class/net && echo *)" -- "$cur") ;;
    -l | --listen) mapfile -t COMPREPLY < <(compgen -W "127.0.0.1 0.0.0.0" -- "$cur") ;;
    -m | --multicast) mapfile -t COMPREPLY < <(compgen -W "224.0.0.108" -- "$cur") ;;
    -p | --port) mapfile -t COMPREPLY < <(compgen -W "5000" -- "$cur") ;;
    -d | --loglevel) mapfile -t COMPREPLY < <(compgen -W "0 1 2 3 4 5 6 7 8 9" -- "$cur") ;;
    -f | --parallel) mapfile -t COMPREPLY < <(compgen -W "1 2 3 4 5 6 7" -- "$cur") ;;
    --compress-level) mapfile -t COMPREPLY < <(compgen -W "1 3 9 19" -- "$cur") ;;
    -R | --receive-buffer | -S | --send-buffer | -T | --rate | --name) ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "
            -b --base -u --user -g --group -G --groups -c --chroot -n --foreground -D --daemon -C --core -p --port
            -m --multicast -i --interface --name -k --key -T --rate -R --receive-buffer -S --send-buffer --no-gso --no-gro
            -l --listen -U --socket -K --password-file -o --no-console -r --no-receive -s --no-send -O --owner-match
            --no-compress --compress-level --devices --no-fsync -f --parallel -d --loglevel --log -h --help -V --version" -- "$cur")
        ;;
    esac
}

complete -F _makuosan makuosan
