package nudge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mMultipleResource;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mRoot;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.util.datatype.ULong;

/**
 * Leshan's nodes as JSON and back.
 *
 * <p>A resource is a JSON scalar, whatever contains others an object by id. What JSON has no type
 * for: {"hex": "00ff"} for opaque, {"link": "3:0"} for an Objlnk; a time is its Unix seconds.
 */
final class Values {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private Values() {}

    static JsonNode json(LwM2mNode node) {
        if (node == null) {
            return JSON.nullNode();
        }
        if (node instanceof LwM2mResourceInstance instance) {
            return scalar(instance.getValue());
        }
        if (node instanceof LwM2mSingleResource resource) {
            return scalar(resource.getValue());
        }
        if (node instanceof LwM2mMultipleResource resource) {
            return byId(resource.getInstances());
        }
        if (node instanceof LwM2mObjectInstance instance) {
            return byId(instance.getResources());
        }
        if (node instanceof LwM2mObject object) {
            return byId(object.getInstances());
        }
        return byId(((LwM2mRoot) node).getObjects());
    }

    static ObjectNode json(Map<LwM2mPath, LwM2mNode> nodes) {
        ObjectNode out = Lines.object();
        nodes.forEach((path, node) -> out.set(path.toString(), json(node)));
        return out;
    }

    private static JsonNode byId(Map<Integer, ? extends LwM2mNode> nodes) {
        ObjectNode out = Lines.object();
        nodes.forEach((id, node) -> out.set(id.toString(), json(node)));
        return out;
    }

    private static JsonNode scalar(Object value) {
        if (value instanceof byte[] bytes) {
            return Lines.object().put("hex", HexFormat.of().formatHex(bytes));
        }
        if (value instanceof Date date) {
            return JSON.numberNode(date.getTime() / 1000);
        }
        if (value instanceof ObjectLink link) {
            return Lines.object().put("link", link.encodeToString());
        }
        if (value instanceof Boolean truth) {
            return JSON.booleanNode(truth);
        }
        if (value instanceof Long number) {
            return JSON.numberNode(number);
        }
        if (value instanceof ULong number) {
            return JSON.numberNode(number.toBigInteger());
        }
        if (value instanceof Double number) {
            return JSON.numberNode(number);
        }
        if (value instanceof Link[] links) {
            return JSON.textNode(List.of(links).toString());
        }
        return JSON.textNode(String.valueOf(value));
    }

    /** Makes the node to be written to a path below an Object; types are those of the model. */
    static LwM2mNode node(LwM2mModel model, LwM2mPath path, JsonNode value) {
        if (path.isObjectInstance()) {
            return new LwM2mObjectInstance(
                    path.getObjectInstanceId(), resources(model, path, value));
        }
        Type type = type(model, path, value);
        if (path.isResourceInstance()) {
            int id = path.getResourceInstanceId();
            return LwM2mResourceInstance.newInstance(id, scalar(type, value), type);
        }
        return resource(path.getResourceId(), type, value);
    }

    /** Makes the resources of an Object Instance; the path may lack the instance. */
    static Collection<LwM2mResource> resources(LwM2mModel model, LwM2mPath path, JsonNode values) {
        int instance = path.getObjectInstanceId() == null ? 0 : path.getObjectInstanceId();
        Collection<LwM2mResource> out = new ArrayList<>();
        values.fields().forEachRemaining(field -> {
            int id = Integer.parseInt(field.getKey());
            LwM2mPath at = new LwM2mPath(path.getObjectId(), instance, id);
            out.add(resource(id, type(model, at, field.getValue()), field.getValue()));
        });
        return out;
    }

    private static LwM2mResource resource(int id, Type type, JsonNode value) {
        if (!value.isObject() || value.has("hex") || value.has("link")) {
            return LwM2mSingleResource.newResource(id, scalar(type, value), type);
        }
        Map<Integer, Object> values = new HashMap<>();
        value.fields().forEachRemaining(field ->
                values.put(Integer.valueOf(field.getKey()), scalar(type, field.getValue())));
        return LwM2mMultipleResource.newResource(id, values, type);
    }

    private static Type type(LwM2mModel model, LwM2mPath path, JsonNode value) {
        ResourceModel known = model.getResourceModel(path.getObjectId(), path.getResourceId());
        if (known != null && known.type != Type.NONE) {
            return known.type;
        }
        JsonNode one = value;
        if (value.isObject() && !value.has("hex") && !value.has("link") && value.size() > 0) {
            one = value.elements().next();
        }
        return one.isBoolean() ? Type.BOOLEAN
                : one.isIntegralNumber() ? Type.INTEGER
                : one.isNumber() ? Type.FLOAT
                : one.has("hex") ? Type.OPAQUE
                : one.has("link") ? Type.OBJLNK
                : Type.STRING;
    }

    private static Object scalar(Type type, JsonNode value) {
        return switch (type) {
            case BOOLEAN -> value.asBoolean();
            case INTEGER -> value.asLong();
            case UNSIGNED_INTEGER -> ULong.valueOf(value.asText());
            case FLOAT -> value.asDouble();
            case TIME -> new Date(value.asLong() * 1000);
            case OPAQUE -> HexFormat.of().parseHex(value.get("hex").asText());
            case OBJLNK -> ObjectLink.decodeFromString(value.get("link").asText());
            default -> value.asText();
        };
    }
}
