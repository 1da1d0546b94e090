-- The health of an AWSAccount.
local status = obj.status or {}
local ready, alone
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    ready = condition
  elseif condition.type == "RolesReadAlone" and condition.status == "True" then
    alone = condition
  end
end
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "crossrole has not looked at this generation yet"}
end

-- These heal by themselves.
local healing = {
  Waiting = true,
  Throttled = true,
  AWSUnavailable = true,
  ConcurrentChange = true,
  Propagating = true,
  UnexpectedAnswer = true,
}
if ready.status == "True" then
  if alone ~= nil then
    return {status = "Healthy", message = ready.message .. "; " .. alone.message}
  end
  return {status = "Healthy", message = ready.message}
end
if ready.reason == "AccountPaused" then
  return {status = "Suspended", message = ready.message}
end
if healing[ready.reason] then
  return {status = "Progressing", message = ready.message}
end
return {status = "Degraded", message = ready.reason .. ": " .. ready.message}
