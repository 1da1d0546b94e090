-- The health of a CrossAccountRole. Its conditions follow kstatus.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "crossrole has not looked at this generation yet"}
end

local function health(name, message)
  if obj.spec.mode == "Observe" then
    message = "mode Observe, nothing is written: " .. message
  end
  return {status = name, message = message}
end

if ready.reason == "Suspended" then
  return health("Suspended", ready.message)
end
-- Work may go on in other accounts; for this one a person must act.
for _, entry in ipairs(status.accounts or {}) do
  if entry.state == "Refused" then
    return health("Degraded", "account " .. entry.account .. ": " .. entry.reason .. ": " .. (entry.message or ""))
  end
end
if conditions.Reconciling ~= nil and conditions.Reconciling.status == "True" then
  return health("Progressing", ready.message)
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  -- What it would do is what Observe was asked for.
  if ready.reason == "WouldChange" then
    return health("Suspended", ready.message)
  end
  return health("Degraded", ready.message)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.message)
