# fish completion for sigmax

set -l none 'not __fish_seen_subcommand_from audit ls norm svd'
set -l audit '__fish_seen_subcommand_from audit'
set -l list '__fish_seen_subcommand_from ls'
set -l norm '__fish_seen_subcommand_from norm'
set -l svd '__fish_seen_subcommand_from svd'
set -l any '__fish_seen_subcommand_from audit ls norm svd'
set -l figures name sigma_max stable_rank condition sigma_min frobenius nuclear effective_rank numerical_rank rank_90 \
    rank_95 rank_99 norm_1 norm_inf max_abs bytes role dtype seconds

complete -c sigmax -n "$none" -f -a audit -d 'How strongly each weight can stretch its input, with proof'
complete -c sigmax -n "$none" -f -a ls -d 'What a checkpoint holds'
complete -c sigmax -n "$none" -f -a norm -d 'One norm of one matrix'
complete -c sigmax -n "$none" -f -a svd -d 'Singular triplets of one matrix'
complete -c sigmax -n "$none" -f -l version -d 'Version, BLAS, SIMD target, formats'
complete -c sigmax -s h -l help -d 'Help'

for which in "$audit" "$list"
    complete -c sigmax -n "$which" -x -l layers -d 'Only tensors whose name matches'
    complete -c sigmax -n "$which" -x -l exclude -d 'Not tensors whose name matches'
    complete -c sigmax -n "$which" -x -l min-dim -d 'Only weights whose shorter side is at least N'
    complete -c sigmax -n "$which" -x -l format -a 'table json csv markdown' -d 'On standard output'
    complete -c sigmax -n "$which" -x -l top -d 'The first N only'
end
for which in "$audit" "$norm" "$svd"
    complete -c sigmax -n "$which" -x -l as -d 'Take tensors whose name matches for another role'
end
complete -c sigmax -n "$audit" -f -l quick -d 'Without the full spectrum'
for which in "$audit" "$svd"
    complete -c sigmax -n "$which" -x -l certify -a 'proven probabilistic none' -d 'How the upper end is to be known'
    complete -c sigmax -n "$which" -x -l seed -d 'Of the random start'
    complete -c sigmax -n "$which" -r -l json -d 'Also write JSON'
end
complete -c sigmax -n "$audit" -x -l failure-probability -d 'Of each probabilistic upper end'
complete -c sigmax -n "$audit" -r -l html -d 'Also write a page'
complete -c sigmax -n "$audit" -r -l csv -d 'Also write CSV'
complete -c sigmax -n "$audit" -r -l markdown -d 'Also write Markdown'
complete -c sigmax -n "$audit" -x -l sort -a "$figures" -d 'Order by a column'
complete -c sigmax -n "$audit" -x -l fail-if -d 'Exit with 1 if a weight meets it'
complete -c sigmax -n "$audit" -x -l allow -a 'unread nan empty missing lower-only' -d 'What checks may pass over'
complete -c sigmax -n "$list" -x -l sort -a 'name elements bytes' -d 'Order'
complete -c sigmax -n "$norm" -x -l ord -a 'fro nuc 1 -1 2 -2 inf -inf max schatten: kyfan: entrywise:' -d 'Which norm'
complete -c sigmax -n "$norm" -x -l format -a 'text value json' -d 'On standard output'
complete -c sigmax -n "$svd" -x -s k -l count -a all -d 'How many'
complete -c sigmax -n "$svd" -f -l smallest -d 'The smallest singular values'
complete -c sigmax -n "$svd" -x -l accuracy -a 'values vectors' -d 'What the tolerance speaks of'
complete -c sigmax -n "$svd" -x -l tolerance -d 'Relative error'
complete -c sigmax -n "$svd" -x -l method -a 'auto power deflation lanczos block-krylov randomized dense inverse' \
    -d Solver
complete -c sigmax -n "$svd" -x -l max-products -d 'Before it stops'
complete -c sigmax -n "$svd" -x -l format -a 'table values csv json' -d 'On standard output'
complete -c sigmax -n "$svd" -r -s o -l output -d 'Write u, s and vt'
complete -c sigmax -n "$svd" -f -l values-only -d 'No residuals, and s alone in the file'
for which in "$audit" "$norm" "$svd"
    complete -c sigmax -n "$which" -x -s j -l jobs -d Threads
end
complete -c sigmax -n "$any" -f -s q -l quiet -d 'Only what trips or fails'
complete -c sigmax -n "$any" -f -s v -l verbose -d More
complete -c sigmax -n "$any" -x -l color -a 'auto always never' -d Colors
