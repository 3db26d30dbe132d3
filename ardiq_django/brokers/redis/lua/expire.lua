-- End those of these jobs as expired that wait and whose window is over. ARGV: ids.
-- with: _job _ends

make_way()
for i = 8, #ARGV do
  lapse(ARGV[i])
end
