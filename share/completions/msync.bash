# bash completion for msync(1). Hosts come from the daemon that the command line names, paths from its base directory if it is readable.

# Runs msync at the console that the line so far names.
_msync_ask() {
    local -a line
    local i word target="" password=""
    read -ra line <<<"${COMP_LINE:0:COMP_POINT}"
    for ((i = 1; i < ${#line[@]} - 1; i++)); do
        word=${line[i]}
        case $word in
        --target=*) target=${word#*=} ;;
        --password-file=*) password=${word#*=} ;;
        -c | --target) target=${line[i + 1]} ;;
        -K | --password-file) password=${line[i + 1]} ;;
        esac
    done
    command "${line[0]}" ${target:+-c "$target"} ${password:+-K "$password"} "$@" 2>/dev/null </dev/null
}

# The last of a list with commas; those before it are not offered again.
_msync_hosts() {
    local before="" host
    [[ $1 == *,* ]] && before=${1%,*},
    while IFS= read -r host; do
        [[ ,$before == *",$host,"* ]] || COMPREPLY+=("$before$host")
    done < <(compgen -W "$(_msync_ask --complete-hosts)" -- "${1##*,}")
    compopt -o nospace 2>/dev/null
}

_msync_paths() {
    local base word
    base=$(_msync_ask --status | sed -n -e 's/^basedir : //p' -e 's/^chroot  : //p')
    [[ -n $base ]] && cd "$base" 2>/dev/null || return
    # As it is typed, blanks have backslashes.
    word=${1//\\/}
    compgen -f -- "$word" | while IFS= read -r word; do
        if [[ -d $word && ! -L $word ]]; then printf '%s/\n' "$word"; else printf '%s\n' "$word"; fi
    done
}

_msync() {
    local cur=$2 prev=$3 i
    # "--to=host" arrives as three words.
    if [[ $cur == = ]]; then
        cur=""
    elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # Of letters behind one dash, the last may take a value.
    [[ $prev =~ ^-[rnvhV]+([tglfcK])$ ]] && prev=-${BASH_REMATCH[1]}
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -- ]] && prev=-- && break
    done
    case $prev in
    -t | --to) _msync_hosts "$cur"; return ;;
    -g | --group) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
    -l | --loglevel) mapfile -t COMPREPLY < <(compgen -W "0 1 2 3" -- "$cur"); return ;;
    -f | --file | -K | --password-file | --exclude-from)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    -c | --target)
        # A colon parts words, too: what stands before it is no longer here.
        if [[ $cur == /* || $cur == : ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "${cur#:}")
        else
            compopt -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -W "tcp: unix:" -- "$cur")
        fi
        return
        ;;
    --compress-level)
        mapfile -t COMPREPLY < <(compgen -W "1 3 9 19" -- "$cur")
        return
        ;;
    --exclude | --max-delete) return ;;
    esac
    if [[ $cur == -* && $prev != -- ]]; then
        mapfile -t COMPREPLY < <(compgen -W "
            -r --recursive -n --dry-run -t --to -g --group --delete --sync --max-delete --check --no-fsync --exclude --exclude-from
            -z --compress --no-compress --compress-level -v --verbose -l --loglevel --json --progress --no-progress --members --status -f --file -c --target
            -K --password-file -h --help -V --version" -- "$cur")
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(_msync_paths "$cur")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _msync msync
