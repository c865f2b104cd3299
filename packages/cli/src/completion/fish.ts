/** Has fish ask the program for every word; `-f` keeps file names out where no file is meant. */
export const fishScript = `# fish completion for banger: banger completion fish | source
function __banger_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -e words[1]
    set -l answer (command $program complete -- $words "$current" 2>/dev/null)
    if test "$answer" = :files
        set -l flag (string match -r '^--[^=]*=' -- $current)
        set -l path (string replace -r '^--[^=]*=' '' -- $current)
        for file in (__fish_complete_path "$path")
            printf '%s\\n' "$flag$file"
        end
        return
    end
    printf '%s\\n' $answer
end
complete -c banger -f -k -a '(__banger_complete)'
`;
