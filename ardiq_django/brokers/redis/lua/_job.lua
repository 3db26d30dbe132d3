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

-- What decides whether two jobs of one id are the same, and its window.
local function tail(envelope)
  local _, _, after, id = head(envelope)
  local at_tail = after and function()
    return cmsgpack.unpack_limit(envelope, 7, after_bytes(envelope, after))
  end
  local readable, _, _, token, digest, replaces, _, _, expire_ms = pcall(at_tail or error)
  if not readable or type(digest) ~= 'string' then
    return {identity = id, digest = '', replaces = false, expire_ms = 0}
  end
  return {identity = token ~= '' and token or id, digest = digest, replaces = replaces, expire_ms = expire_ms}
end
