-- The health of an AWSAccount.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "crossrole has not looked at this generation yet"}
end
if ready.status == "True" then
  if conditions.RolesReadAlone ~= nil then
    return {status = "Healthy", message = ready.message .. "; " .. conditions.RolesReadAlone.message}
  end
  return {status = "Healthy", message = ready.message}
end
if ready.reason == "AccountPaused" then
  return {status = "Suspended", message = ready.message}
end
if conditions.Stalled == nil then
  return {status = "Progressing", message = ready.message}
end
return {status = "Degraded", message = ready.reason .. ": " .. ready.message}
