-- What scripts read of a packed job. Its bytes may be rubbish; nothing here may raise.

-- The name of its task, its lane, where the fields after these begin (nil if it cannot be read), and its id.
local function head(envelope)
  local first = string.byte(envelope) == 0xdc and 3 or 1 -- past the header of the array
  local readable, after, _, id, task, lane = pcall(cmsgpack.unpack_limit, envelope, 4, first)
  if not readable or type(id) ~= 'string' or type(task) ~= 'string' or type(lane) ~= 'string' then
    return '', LANE, nil, nil
  end
  return task, lane == '' and LANE or lane, after, id
end

-- cmsgpack does not know msgpack's `bin`, so the bytes of the call are stepped over by hand.
local WIDTHS = {[0xc4] = 1, [0xc5] = 2, [0xc6] = 4}

local function after_bytes(envelope, at)
  local width, length = WIDTHS[string.byte(envelope, at + 1)], 0
  for i = 2, width + 1 do
    length = length * 256 + string.byte(envelope, at + i)
  end
  return at + 1 + width + length
end

-- Where the value that begins after `at` bytes ends. By hand, since a label may be of a kind cmsgpack does not know.
local LENGTHS = { -- bytes of the number that says how long it is, or how many items it has
  [0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2, [0xc9] = 4,
  [0xd9] = 1, [0xda] = 2, [0xdb] = 4, [0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4,
}
local FIXED = {
  [0xca] = 4, [0xcb] = 8, [0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8, [0xd0] = 1, [0xd1] = 2, [0xd2] = 4,
  [0xd3] = 8, [0xd4] = 2, [0xd5] = 3, [0xd6] = 5, [0xd7] = 9, [0xd8] = 17,
}

local function after_value(bytes, at)
  local kind = string.byte(bytes, at + 1)
  local width, items, length = LENGTHS[kind] or 0, 0, FIXED[kind] or 0
  at = at + 1
  for i = 1, width do
    length = length * 256 + string.byte(bytes, at + i)
  end
  at = at + width
  if kind >= 0x80 and kind < 0xa0 then
    items = kind < 0x90 and 2 * (kind - 0x80) or kind - 0x90
  elseif kind >= 0xa0 and kind < 0xc0 then
    length = kind - 0xa0
  elseif kind >= 0xdc and kind <= 0xdf then
    items, length = kind < 0xde and length or 2 * length, 0
  elseif kind >= 0xc7 and kind <= 0xc9 then
    length = length + 1 -- the code of an extension
  end
  for _ = 1, items do
    at = after_value(bytes, at)
  end
  return at + length
end

-- The field behind labels, headers, dependencies and limits; jobs of older versions end before it.
local function unique_for_ms(envelope, at)
  for _ = 1, 4 do
    at = after_value(envelope, at)
  end
  return at < #envelope and select(2, cmsgpack.unpack_one(envelope, at)) or 0
end

local LATEST_MS = 2 * 100 * 365 * 86400000 -- what is longer was written by nobody, and `PX` would refuse it

-- What decides whether two jobs of one id are the same, its window, and for how long its id is its own after its end.
local function tail(envelope)
  local _, _, after, id = head(envelope)
  local at_tail = after and function()
    return cmsgpack.unpack_limit(envelope, 7, after_bytes(envelope, after))
  end
  local readable, last, _, token, digest, replaces, _, _, expire_ms = pcall(at_tail or error)
  if not readable or type(digest) ~= 'string' then
    return {identity = id, digest = '', replaces = false, expire_ms = 0, unique_for_ms = 0}
  end
  local is_read, for_ms = pcall(unique_for_ms, envelope, last)
  for_ms = is_read and tonumber(for_ms) or 0
  return {
    identity = token ~= '' and token or id, digest = digest, replaces = replaces, expire_ms = expire_ms,
    unique_for_ms = for_ms >= 0 and for_ms <= LATEST_MS and for_ms or 0,
  }
end
